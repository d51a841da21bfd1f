import type { EventSink } from "../../events/emitter.ts";
import { settingsOf } from "../../protocol/options.ts";
import type { ProtocolConnectionOptions } from "../../protocol/options.ts";
import type { DraftSelection } from "../../constants/drafts.ts";

import type { BufferBudget } from "../streams/buffer-budget.ts";
import { systemTimer } from "../../async/deadlines.ts";
import type { SetTimer } from "../../async/deadlines.ts";

/** Options of a connection's live objects. Durations in milliseconds, sizes in bytes. */
export interface ConnectionSettingsInit {
  /** How long `close` waits for delivery, and a closed session for the peer's end. Default 5000. */
  readonly closeTimeout?: number;
  /** Read credit of a stream: must be the engine's `initialCredit`. Default 65536. */
  readonly streamBufferSize?: number;
  /** QUIC's window of a stream: must be the engine's `streamReceiveWindow`. Default 1 MiB. */
  readonly maxStreamBufferSize?: number;
  /** Unread bytes of a session past which no stream gets new credit; with session flow control the peer's window. Default 16 MiB. */
  readonly maxSessionBufferSize?: number;
  /** QUIC's window that a connection begins with: must be the engine's `receiveWindow`. Default 8 MiB. */
  readonly receiveWindow?: number;
  /** The process's budget, of which every session's is a part. Default: none. */
  readonly totalBudget?: BufferBudget;
  /** Unsent bytes of a stream at which `write` waits. Default 65536. */
  readonly outgoingHighWaterMark?: number;
  /** Datagrams that wait per session and direction; then, and past 1 MiB of incoming ones, the oldest is dropped. Default 256. */
  readonly datagramHighWaterMark?: number;
  /** Sessions of one connection. Default 16. */
  readonly maxSessions?: number;
  /** Server: whether a request for this authority is; others are answered 421. Default: every one is. */
  readonly servesAuthority?: ((authority: string) => boolean) | undefined;
  /** Streams of the peer that a session may have waiting to be taken; further ones are refused (0x3994bd84). Default 1024: 512 of each direction. */
  readonly maxPendingStreams?: number;
  /** Streams of a kind that the peer may have open in a session, where both sides speak session flow control. Default 512. */
  readonly maxIncomingStreams?: number;
  /** Drafts of WebTransport to announce. Default "all". */
  readonly drafts?: DraftSelection;
  /** Streams of our own that are open at a time; further ones wait. Default: the peer's limit only. */
  readonly maxOutgoingStreams?: number;
  /** How long `create…Stream` waits for the peer's limit. 0: no limit. Default 10000. */
  readonly streamCreationTimeout?: number;
  /** How long one read may wait. 0: no limit. Default 0. */
  readonly readTimeout?: number;
  /** How long `write` may wait without anything leaving. 0: no limit. Default 30000. */
  readonly writeTimeout?: number;
  readonly protocol?: Pick<ProtocolConnectionOptions, "limits">;
  /** Gets every event of the connection and its sessions. */
  readonly events?: EventSink;
  /** Monotonic milliseconds. Default `performance.now`. */
  readonly now?: () => number;
  /** Default: the process's timers, which do not keep it alive. */
  readonly setTimer?: SetTimer;
}

export type ConnectionSettings = Required<
  Omit<ConnectionSettingsInit, "totalBudget" | "events" | "protocol" | "servesAuthority">
> &
  Pick<ConnectionSettingsInit, "totalBudget" | "events"> & {
    /** The core's options; the preamble that the engine sends is made of the same. */
    readonly core: Omit<ProtocolConnectionOptions, "role">;
  };

/** Many connections share what is made here once. */
export function connectionSettings(options: ConnectionSettingsInit): ConnectionSettings {
  const { maxSessions = 16, maxSessionBufferSize = 16_777_216, maxIncomingStreams = 512, drafts = "all" } = options;
  const sessionLimits = {
    maxData: maxSessionBufferSize,
    maxStreamsBidirectional: maxIncomingStreams,
    maxStreamsUnidirectional: maxIncomingStreams,
  };
  const { servesAuthority } = options;
  const core = { ...options.protocol, maxSessions, drafts, sessionLimits, servesAuthority };
  return {
    closeTimeout: options.closeTimeout ?? 5000,
    streamBufferSize: options.streamBufferSize ?? 65_536,
    maxStreamBufferSize: options.maxStreamBufferSize ?? 1_048_576,
    maxSessionBufferSize,
    receiveWindow: options.receiveWindow ?? 8_388_608,
    outgoingHighWaterMark: options.outgoingHighWaterMark ?? 65_536,
    datagramHighWaterMark: options.datagramHighWaterMark ?? 256,
    maxSessions,
    maxPendingStreams: options.maxPendingStreams ?? 1024,
    maxIncomingStreams,
    drafts,
    maxOutgoingStreams: options.maxOutgoingStreams ?? Infinity,
    streamCreationTimeout: options.streamCreationTimeout ?? 10_000,
    readTimeout: options.readTimeout ?? 0,
    writeTimeout: options.writeTimeout ?? 30_000,
    now: options.now ?? ((): number => performance.now()),
    setTimer: options.setTimer ?? systemTimer,
    ...(options.totalBudget && { totalBudget: options.totalBudget }),
    ...(options.events && { events: options.events }),
    core: { ...core, settings: settingsOf(core) },
  };
}
