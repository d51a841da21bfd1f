import { RejectionKind } from "../../transport/session/session-request.ts";
import type { ConnectionClosed } from "../../engine/engine.ts";
import type { CloseInfo, SessionStats } from "../../transport/types.ts";

import { connectionEndCause, ConnectionEndCause, noCounts, sessionEndCause, SessionEndCause } from "./end-causes.ts";

/** Totals of sessions that have ended. */
export interface EndedTotals {
  readonly sessions: number;
  /** Of them: those that no side has closed. */
  readonly sessionsAborted: number;
  /** Streams of both sides. */
  readonly streams: number;
  readonly streamErrors: number;
  /** Of streams. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly datagramsSent: number;
  readonly datagramsReceived: number;
  readonly datagramsDropped: number;
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Counts since the server was made; they only grow. */
export class Counters {
  /** Session requests, whatever has become of them. */
  sessionsRequested = 0;
  sessionsAccepted = 0;
  sessionsRefused = 0;
  /** Their client had gone before they were answered. */
  sessionsAbandoned = 0;
  /** Connections that have ended in a failure. */
  connectionErrors = 0;
  protocolErrors = 0;
  readonly #refusals = noCounts(RejectionKind);
  readonly #connectionEnds = noCounts(ConnectionEndCause);
  readonly #sessionEnds = noCounts(SessionEndCause);
  readonly #ended: Writable<EndedTotals> = {
    sessions: 0,
    sessionsAborted: 0,
    streams: 0,
    streamErrors: 0,
    bytesSent: 0,
    bytesReceived: 0,
    datagramsSent: 0,
    datagramsReceived: 0,
    datagramsDropped: 0,
  };

  /** Refused requests by cause. */
  get refusals(): Readonly<Record<RejectionKind, number>> {
    return { ...this.#refusals };
  }

  /** Connections that have ended by cause. */
  get connectionEnds(): Readonly<Record<ConnectionEndCause, number>> {
    return { ...this.#connectionEnds };
  }

  /** Sessions that have ended by cause. */
  get sessionEnds(): Readonly<Record<SessionEndCause, number>> {
    return { ...this.#sessionEnds };
  }

  get ended(): EndedTotals {
    return { ...this.#ended };
  }

  refused(kind: RejectionKind): void {
    this.sessionsRefused += 1;
    // A caller without types may give any other.
    this.#refusals[Object.hasOwn(this.#refusals, kind) ? kind : "application"] += 1;
  }

  connectionEnded(closed: ConnectionClosed, info: CloseInfo): void {
    this.#connectionEnds[connectionEndCause(closed, info)] += 1;
    if (!info.clean) this.connectionErrors += 1;
  }

  sessionEnded(stats: SessionStats, info: CloseInfo): void {
    const ended = this.#ended;
    this.#sessionEnds[sessionEndCause(info)] += 1;
    ended.sessions += 1;
    if (!info.clean) ended.sessionsAborted += 1;
    ended.streams += stats.streamsOpened + stats.streamsAccepted;
    ended.streamErrors += stats.streamErrors;
    ended.bytesSent += stats.bytesSent;
    ended.bytesReceived += stats.bytesReceived;
    ended.datagramsSent += stats.datagramsSent;
    ended.datagramsReceived += stats.datagramsReceived;
    ended.datagramsDropped += stats.datagramsDropped;
  }
}
