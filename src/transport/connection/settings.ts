import { systemTimer } from "../../async/deadlines.ts";
import type { SetTimer } from "../../async/deadlines.ts";
import { connectionDefaults as defaults, engineDefaults, sessionDefaults } from "../../constants/defaults.ts";
import type { DraftSelection } from "../../constants/drafts.ts";
import type { EventSink } from "../../events/emitter.ts";
import { settingsOf } from "../../protocol/options.ts";
import type { ProtocolConnectionOptions } from "../../protocol/options.ts";

import type { BufferBudget } from "../streams/buffer-budget.ts";
import { Traffic } from "../traffic.ts";

/** The settings of a connection and its sessions; many connections share one object. Durations in milliseconds, sizes in bytes. */
export interface ConnectionSettings {
  /** How long `close` waits for delivery, and a closed session for the peer's end. */
  readonly closeTimeout: number;
  /** Read credit of a stream: must be the engine's `initialCredit`. */
  readonly streamBufferSize: number;
  /** QUIC's window of a stream: must be the engine's `streamReceiveWindow`. */
  readonly maxStreamBufferSize: number;
  /** Unread bytes of a session past which no stream gets new credit; with session flow control the peer's window. */
  readonly maxSessionBufferSize: number;
  /** QUIC's window that a connection begins with: must be the engine's `receiveWindow`. */
  readonly receiveWindow: number;
  /** The process's budget, of which every session's is a part. Default: none. */
  readonly totalBudget?: BufferBudget;
  /** Unsent bytes of a stream at which `write` waits. */
  readonly outgoingHighWaterMark: number;
  /** Datagrams that wait per session and direction; then, and past 1 MiB of incoming ones, the oldest is dropped. */
  readonly datagramHighWaterMark: number;
  /** Sessions of one connection. */
  readonly maxSessions: number;
  /** Streams of the peer that a session may have waiting to be taken; further ones are refused (0x3994bd84). */
  readonly maxPendingStreams: number;
  /** Streams of a kind that the peer may have open in a session, where both sides speak session flow control. */
  readonly maxIncomingStreams: number;
  /** Drafts of WebTransport to announce. */
  readonly drafts: DraftSelection;
  /** Streams of our own that are open at a time; further ones wait. Default: the peer's limit only. */
  readonly maxOutgoingStreams: number;
  /** How long `create…Stream` waits for the peer's limit. 0: no limit. */
  readonly streamCreationTimeout: number;
  /** How long one read may wait. 0: no limit. */
  readonly readTimeout: number;
  /** How long `write` may wait without anything leaving. 0: no limit. */
  readonly writeTimeout: number;
  /** Gets every event of the connection and its sessions. Default: none. */
  readonly events?: EventSink;
  /** Counts what the connection's sessions carry, beside those of the server's other connections. Default: one of its own. */
  readonly traffic: Traffic;
  /** Monotonic milliseconds. Default `performance.now`. */
  readonly now: () => number;
  /** Default: the process's timers, which do not keep it alive. */
  readonly setTimer: SetTimer;
  /** The core's options; the engine's preamble is made from the same ones. */
  readonly core: ProtocolConnectionOptions;
}

/** What is left out gets its default, from constants/defaults.ts. */
export interface ConnectionSettingsInit extends Partial<Omit<ConnectionSettings, "core">> {
  readonly protocol?: Pick<ProtocolConnectionOptions, "limits">;
  /** Server: whether a request for this authority is; others are answered 421. Default: every one is. */
  readonly servesAuthority?: ((authority: string) => boolean) | undefined;
}

/** Throws RangeError for drafts that are not known. */
export function connectionSettings(options: ConnectionSettingsInit = {}): ConnectionSettings {
  const {
    maxSessions = defaults.maxSessionsPerConnection,
    maxSessionBufferSize = defaults.maxSessionBufferSize,
    maxIncomingStreams = defaults.maxIncomingStreams,
    drafts = defaults.drafts,
    servesAuthority,
    protocol,
  } = options;
  const sessionLimits = {
    maxData: maxSessionBufferSize,
    maxStreamsBidirectional: maxIncomingStreams,
    maxStreamsUnidirectional: maxIncomingStreams,
  };
  const core = { ...protocol, maxSessions, drafts, sessionLimits, servesAuthority };
  return Object.freeze({
    closeTimeout: options.closeTimeout ?? defaults.closeTimeout,
    streamBufferSize: options.streamBufferSize ?? defaults.streamBufferSize,
    maxStreamBufferSize: options.maxStreamBufferSize ?? defaults.maxStreamBufferSize,
    maxSessionBufferSize,
    receiveWindow: options.receiveWindow ?? engineDefaults.receiveWindow,
    outgoingHighWaterMark: options.outgoingHighWaterMark ?? defaults.streamBufferSize,
    datagramHighWaterMark: options.datagramHighWaterMark ?? sessionDefaults.datagramHighWaterMark,
    maxSessions,
    maxPendingStreams: options.maxPendingStreams ?? sessionDefaults.maxPendingStreams,
    maxIncomingStreams,
    drafts,
    maxOutgoingStreams: options.maxOutgoingStreams ?? Infinity,
    streamCreationTimeout: options.streamCreationTimeout ?? defaults.streamCreationTimeout,
    readTimeout: options.readTimeout ?? defaults.readTimeout,
    writeTimeout: options.writeTimeout ?? defaults.writeTimeout,
    traffic: options.traffic ?? new Traffic(),
    now: options.now ?? systemNow,
    setTimer: options.setTimer ?? systemTimer,
    ...(options.totalBudget && { totalBudget: options.totalBudget }),
    ...(options.events && { events: options.events }),
    core: Object.freeze({ ...core, settings: settingsOf(core) }),
  });
}

function systemNow(): number {
  return performance.now();
}
