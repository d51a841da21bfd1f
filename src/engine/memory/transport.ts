import { connectionDefaults, engineDefaults } from "../../constants/defaults.ts";
import { EngineError } from "../engine.ts";
import type { TransportOptions } from "../engine.ts";

/** `qlogDirectory` has no effect: there are no packets to log. */
type WithoutDefault = "keyLog" | "qlogDirectory";

/** Transport options with their defaults. */
export type Transport = Required<Omit<TransportOptions, WithoutDefault>> & Pick<TransportOptions, "keyLog">;

/** Throws {@link EngineError} for a value out of its range. */
export function resolveTransport(options: TransportOptions = {}): Transport {
  const transport: Transport = {
    maxIdleTimeout: options.maxIdleTimeout ?? connectionDefaults.connectionIdleTimeout,
    keepAliveInterval: options.keepAliveInterval ?? connectionDefaults.keepaliveInterval,
    handshakeTimeout: options.handshakeTimeout ?? connectionDefaults.handshakeTimeout,
    maxIncomingBidirectionalStreams: options.maxIncomingBidirectionalStreams ?? engineDefaults.maxIncomingStreams,
    maxIncomingUnidirectionalStreams: options.maxIncomingUnidirectionalStreams ?? engineDefaults.maxIncomingStreams,
    streamReceiveWindow: options.streamReceiveWindow ?? connectionDefaults.maxStreamBufferSize,
    receiveWindow: options.receiveWindow ?? engineDefaults.receiveWindow,
    initialCredit: options.initialCredit ?? connectionDefaults.streamBufferSize,
    maxDatagramFrameSize: options.maxDatagramFrameSize ?? connectionDefaults.maxDatagramSize,
    datagramSendBufferSize: options.datagramSendBufferSize ?? engineDefaults.datagramSendBufferSize,
    congestionControl: options.congestionControl ?? connectionDefaults.congestionControl,
    // Captured, as every byte that an engine is given.
    preamble: (options.preamble ?? []).map((bytes) => Uint8Array.from(bytes)),
    resetStreamAt: options.resetStreamAt ?? true,
    ...(options.keyLog === undefined ? {} : { keyLog: options.keyLog }),
  };
  for (const [name, value] of Object.entries(transport)) {
    if (typeof value === "number" && !(value >= 0)) throw invalid(name, value);
  }
  if (!["cubic", "newreno", "bbr"].includes(transport.congestionControl)) {
    throw invalid("congestionControl", transport.congestionControl);
  }
  return transport;
}

function invalid(name: string, value: unknown): EngineError {
  return new EngineError("invalid-option", `${name}: current value is "${String(value)}"`);
}
