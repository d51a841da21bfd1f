import { EngineError } from "../engine.ts";
import type { TransportOptions } from "../engine.ts";

/** `qlogDirectory` has no effect: there are no packets to log. */
type WithoutDefault = "keyLog" | "qlogDirectory";

/** Transport options with their defaults. */
export type Transport = Required<Omit<TransportOptions, WithoutDefault>> & Pick<TransportOptions, "keyLog">;

/** Throws {@link EngineError} for a value out of its range. */
export function resolveTransport(options: TransportOptions = {}): Transport {
  const transport: Transport = {
    maxIdleTimeout: options.maxIdleTimeout ?? 60_000,
    keepAliveInterval: options.keepAliveInterval ?? 25_000,
    handshakeTimeout: options.handshakeTimeout ?? 10_000,
    maxIncomingBidirectionalStreams: options.maxIncomingBidirectionalStreams ?? 128,
    maxIncomingUnidirectionalStreams: options.maxIncomingUnidirectionalStreams ?? 128,
    streamReceiveWindow: options.streamReceiveWindow ?? 1_048_576,
    receiveWindow: options.receiveWindow ?? 8_388_608,
    initialCredit: options.initialCredit ?? 65_536,
    maxDatagramFrameSize: options.maxDatagramFrameSize ?? 65_535,
    datagramSendBufferSize: options.datagramSendBufferSize ?? 1_048_576,
    congestionControl: options.congestionControl ?? "cubic",
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
