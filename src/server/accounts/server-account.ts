import type { ConnectionClosed } from "../../engine/engine.ts";
import type { ConnectionOwner, PlainRequest, RefusedRequest } from "../../transport/connection/owner.ts";
import type { WebTransportConnection } from "../../transport/connection/connection.ts";
import type { IncomingSession } from "../../transport/session/request.ts";
import type {
  CloseInfo,
  Connection,
  ConnectionState,
  Session,
  SessionState,
  SessionStats,
} from "../../transport/types.ts";
import { Traffic } from "../../transport/traffic.ts";

import type { AccessLog } from "../access-log.ts";
import { rejectionOfCore } from "../admission/core-refusals.ts";
import type { ServerObservers } from "../observers.ts";
import { AddressCounts } from "./address-counts.ts";
import { makeConnectionLedger } from "./connection-manager.ts";
import type { ConnectionLedger, OpenConnectionState } from "./connection-manager.ts";
import { Counters } from "./counters.ts";
import { Durations } from "./durations.ts";
import { makeSessionLedger } from "./session-manager.ts";
import type { OpenSessionState, SessionLedger } from "./session-manager.ts";

/** Of the configuration. */
export interface AccountLimits {
  readonly maxSessionsPerConnection: number;
  readonly maxSessionsPerAddress: number | undefined;
}

/** What the server does with a request. */
export type AnswerRequest = (request: IncomingSession) => Promise<void>;

/**
 * Keeps the server's account: what there is, what there was, and the log's line for each. The transport tells it
 * directly, so nothing that an application does to listeners, tables or requests changes it.
 */
export class ServerAccount implements ConnectionOwner {
  readonly counters = new Counters();
  readonly durations = new Durations();
  /** The connections count here what their sessions carry. */
  readonly traffic = new Traffic();
  readonly sessions: SessionLedger = makeSessionLedger();
  readonly connections: ConnectionLedger = makeConnectionLedger();
  readonly #log: AccessLog;
  readonly #limits: AccountLimits;
  /** Sessions and requests by the address group of their client; undefined without a limit. */
  readonly #addresses: AddressCounts | undefined;
  readonly #answer: AnswerRequest;
  readonly #observers: ServerObservers;
  readonly #established = new WeakMap<Connection, number>();
  /** When requests that are not answered yet have arrived: milliseconds of the process. */
  readonly #arrived = new WeakMap<IncomingSession, number>();
  #requests = 0;
  #streams = 0;

  constructor(log: AccessLog, limits: AccountLimits, answer: AnswerRequest, observers: ServerObservers) {
    this.#log = log;
    this.#limits = limits;
    this.#addresses = limits.maxSessionsPerAddress === undefined ? undefined : new AddressCounts();
    this.#answer = answer;
    this.#observers = observers;
  }

  /** Requests that are not answered yet. */
  get requests(): number {
    return this.#requests;
  }

  /** Streams that are not over on the wire. */
  get streams(): number {
    return this.#streams;
  }

  /** Sessions and unanswered requests of the address that the connection has come from; 0 without a limit. */
  ofAddress(connection: Connection): number {
    return this.#addresses?.count(connection) ?? 0;
  }

  /** Milliseconds since the epoch. */
  establishedAt(connection: Connection): number | undefined {
    return this.#established.get(connection);
  }

  /** `handshakeDuration`: milliseconds. */
  connectionEstablished(connection: WebTransportConnection, handshakeDuration: number): void {
    this.durations.handshake.record(handshakeDuration);
    this.#established.set(connection, Date.now());
    this.connections.add(connection);
    this.connections.moved(undefined, "connected");
  }

  requestArrived(request: IncomingSession): void {
    this.#addresses?.add(request.connection);
    this.counters.sessionsRequested += 1;
    this.#requests += 1;
    this.#arrived.set(request, performance.now());
    this.#observers.requestArrived(request);
  }

  answerRequest(request: IncomingSession): Promise<void> {
    return this.#observers.answering(request, this.#answer);
  }

  requestAnswered(request: IncomingSession, answer: "accepted" | "rejected" | "cancelled"): void {
    this.#requests -= 1;
    this.durations.request.record(performance.now() - (this.#arrived.get(request) ?? NaN));
    this.#addresses?.remove(request.connection);
    if (answer === "cancelled") {
      this.counters.sessionsAbandoned += 1;
      this.#log.abandoned(request);
    } else if (answer === "rejected" && request.rejection !== undefined) {
      this.counters.refused(request.rejection.kind);
      this.#log.refused(request, request.rejection);
    }
  }

  /** The server has sessions only. */
  plainRequest(request: PlainRequest): void {
    request.respond({ status: 404, headers: [] });
  }

  requestRefused(refused: RefusedRequest): void {
    this.counters.sessionsRequested += 1;
    const told = rejectionOfCore(refused, this.#limits);
    const { subject, rejection } = told;
    this.counters.refused(rejection.kind);
    this.#log.refused(subject, rejection);
    this.#observers.requestRefused(refused, told);
  }

  sessionEstablished(session: Session): void {
    this.counters.sessionsAccepted += 1;
    this.#addresses?.add(session.connection);
    this.sessions.add(session);
    this.sessions.moved(undefined, "connected");
    this.#log.accepted(session);
  }

  sessionMoved(from: SessionState, to: SessionState): void {
    this.sessions.moved(openSessionState(from), openSessionState(to));
  }

  sessionEnded(session: Session, info: CloseInfo, stats: SessionStats): void {
    this.sessions.remove(session);
    this.#addresses?.remove(session.connection);
    this.counters.sessionEnded(stats, info);
    this.durations.session.record(stats.duration);
    this.#log.ended(session, info, stats);
  }

  streamOpened(): void {
    this.#streams += 1;
  }

  streamClosed(): void {
    this.#streams -= 1;
  }

  violated(): void {
    this.counters.protocolErrors += 1;
  }

  connectionMoved(from: ConnectionState, to: ConnectionState): void {
    this.connections.moved(openConnectionState(from), openConnectionState(to));
  }

  connectionEnded(connection: Connection, info: CloseInfo, closed: ConnectionClosed): void {
    const known = this.connections.shown.get(connection.id);
    if (known !== undefined) this.connections.remove(known);
    this.counters.connectionEnded(closed, info);
  }
}

function openSessionState(state: SessionState): OpenSessionState | undefined {
  return state === "closed" ? undefined : state;
}

function openConnectionState(state: ConnectionState): OpenConnectionState | undefined {
  return state === "closed" || state === "connecting" ? undefined : state;
}
