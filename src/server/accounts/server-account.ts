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

import type { AccessLog } from "../access-log.ts";
import { rejectionOfCore } from "../admission/core-refusals.ts";
import { makeConnectionLedger } from "./connection-manager.ts";
import type { ConnectionLedger, OpenConnectionState } from "./connection-manager.ts";
import { Counters } from "./counters.ts";
import { makeSessionLedger } from "./session-manager.ts";
import type { OpenSessionState, SessionLedger } from "./session-manager.ts";

/** What the server does with a request. */
export type AnswerRequest = (request: IncomingSession) => Promise<void>;

/**
 * Keeps the server's account: what there is, what there was, and the log's line for each. The transport tells it
 * directly, so nothing that an application does to listeners, tables or requests changes it.
 */
export class ServerAccount implements ConnectionOwner {
  readonly counters = new Counters();
  readonly sessions: SessionLedger = makeSessionLedger();
  readonly connections: ConnectionLedger = makeConnectionLedger();
  readonly #log: AccessLog;
  readonly #limits: { readonly maxSessionsPerConnection: number };
  readonly #answer: AnswerRequest;
  #requests = 0;
  #streams = 0;

  constructor(log: AccessLog, limits: { readonly maxSessionsPerConnection: number }, answer: AnswerRequest) {
    this.#log = log;
    this.#limits = limits;
    this.#answer = answer;
  }

  /** Requests that are not answered yet. */
  get requests(): number {
    return this.#requests;
  }

  /** Streams that are not over on the wire. */
  get streams(): number {
    return this.#streams;
  }

  connectionEstablished(connection: WebTransportConnection): void {
    this.connections.add(connection);
    this.connections.moved(undefined, "connected");
  }

  requestArrived(): void {
    this.counters.sessionsRequested += 1;
    this.#requests += 1;
  }

  answerRequest(request: IncomingSession): Promise<void> {
    return this.#answer(request);
  }

  requestAnswered(request: IncomingSession, answer: "accepted" | "rejected" | "cancelled"): void {
    this.#requests -= 1;
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
    const { subject, rejection } = rejectionOfCore(refused, this.#limits);
    this.counters.refused(rejection.kind);
    this.#log.refused(subject, rejection);
  }

  sessionEstablished(session: Session): void {
    this.counters.sessionsAccepted += 1;
    this.sessions.add(session);
    this.sessions.moved(undefined, "connected");
    this.#log.accepted(session);
  }

  sessionMoved(from: SessionState, to: SessionState): void {
    this.sessions.moved(openSessionState(from), openSessionState(to));
  }

  sessionEnded(session: Session, info: CloseInfo, stats: SessionStats): void {
    this.sessions.remove(session);
    this.counters.sessionEnded(stats, info.clean);
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

  connectionEnded(connection: Connection, info: CloseInfo): void {
    const known = this.connections.shown.get(connection.id);
    if (known !== undefined) this.connections.remove(known);
    if (!info.clean) this.counters.connectionErrors += 1;
  }
}

function openSessionState(state: SessionState): OpenSessionState | undefined {
  return state === "closed" ? undefined : state;
}

function openConnectionState(state: ConnectionState): OpenConnectionState | undefined {
  return state === "closed" || state === "connecting" ? undefined : state;
}
