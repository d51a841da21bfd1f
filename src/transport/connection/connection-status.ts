import { hostAndPort } from "../../base/host-and-port.ts";
import { Deferred } from "../../async/promises.ts";
import { WireCodes } from "../../constants/wire-codes.ts";
import type { ConnectionClosed, ConnectionInfo } from "../../engine/engine.ts";
import { HandshakeError, ProtocolError } from "../../errors/errors.ts";
import type { WebTransportError } from "../../errors/errors.ts";
import type { EventSink } from "../../events/emitter.ts";

import type { ConnectionEventMap } from "../events.ts";
import { connectionErrorOf } from "../session/close-info.ts";
import type { CloseInfo, Connection, ConnectionState } from "../types.ts";
import type { ConnectionOwner } from "./owner.ts";

/** The connection's public object, as far as its driver uses it. */
export interface ConnectionFace extends Connection, EventSink {
  publish<Type extends keyof ConnectionEventMap>(type: Type, payload: ConnectionEventMap[Type]): boolean;
}

/** The state of a connection, from its handshake to its end: every change of it is made here and told to the owner. */
export class ConnectionStatus {
  readonly #connection: ConnectionFace;
  readonly #owner: Partial<ConnectionOwner>;
  /** Milliseconds since the epoch: when something that the peer has sent or acknowledged was last told. */
  lastActivity = Date.now();
  /** Errors of streams whose sessions have ended, and 1 when the peer has broken the protocol. */
  endedErrors = 0;
  #info: ConnectionInfo | undefined;
  #datagrams = false;
  #draft: string | undefined;
  #isReady = false;
  #isDraining = false;
  #isClosing = false;
  #end: ConnectionClosed | undefined;
  #error: WebTransportError | undefined;
  #closeInfo: CloseInfo | undefined;
  /** What the owner was told last. */
  #toldState: ConnectionState = "connected";
  // Created lazily: few ask for them.
  #ready: Deferred<void> | undefined;
  #closed: Deferred<CloseInfo> | undefined;

  constructor(connection: ConnectionFace, owner: Partial<ConnectionOwner>) {
    this.#connection = connection;
    this.#owner = owner;
  }

  get state(): ConnectionState {
    if (this.#end !== undefined) return "closed";
    if (this.#info === undefined) return "connecting";
    return this.#isDraining || this.#isClosing ? "draining" : "connected";
  }
  /** Of the handshake, once it has completed. */
  get info(): ConnectionInfo | undefined {
    return this.#info;
  }
  /** The peer takes HTTP datagrams. */
  get datagrams(): boolean {
    return this.#datagrams;
  }
  /** The newest draft that both sides speak, once it is known. */
  get draft(): string | undefined {
    return this.#draft;
  }
  get isDraining(): boolean {
    return this.#isDraining;
  }
  get isClosing(): boolean {
    return this.#isClosing;
  }
  get isClosed(): boolean {
    return this.#end !== undefined;
  }
  /** Why the connection has ended, or is about to. */
  get error(): WebTransportError | undefined {
    return this.#end === undefined ? this.#error : this.errorOf(this.#end);
  }

  /** Fulfilled when the peer's SETTINGS allow sessions; rejected when they do not, or the connection ends before. */
  get ready(): Promise<void> {
    if (this.#ready === undefined) {
      const ready = (this.#ready = new Deferred<void>());
      const { error } = this;
      if (this.#isReady) ready.resolve();
      else if (error !== undefined) ready.reject(error);
    }
    return this.#ready.promise;
  }

  /** Never rejects. */
  get closed(): Promise<CloseInfo> {
    if (this.#closed === undefined) {
      this.#closed = new Deferred();
      if (this.#closeInfo !== undefined) this.#closed.resolve(this.#closeInfo);
    }
    return this.#closed.promise;
  }

  established(info: ConnectionInfo): void {
    this.#info = info;
    const connection = this.#connection;
    if (!connection.listens("connection_established")) return;
    const { remoteAddress } = connection;
    connection.publish("connection_established", { connection, remoteAddress, timestamp: Date.now() });
  }

  /** The peer's SETTINGS have come; `draft` is "" when both sides have none. */
  settingsKnown(draft: string, datagrams: boolean): void {
    this.#draft = draft === "" ? undefined : draft;
    this.#datagrams = datagrams;
    this.#isReady = true;
    this.#ready?.resolve();
  }

  unsupported(reason: string): void {
    this.#fail(
      new HandshakeError(`The peer does not speak WebTransport: ${reason}`, {
        code: "ERR_WT_UNSUPPORTED",
        errorCode: Number(WireCodes.WT_REQUIREMENTS_NOT_MET),
        handshakeStage: "settings",
      }),
    );
  }

  goingAway(): void {
    this.#isDraining = true;
    this.#tellState();
  }

  closing(): void {
    this.#isClosing = true;
    this.#tellState();
  }

  /** The core closes the connection. Unless the code is H3_NO_ERROR, the peer has broken the protocol. */
  violated(code: bigint, reason: string): void {
    if (code === WireCodes.H3_NO_ERROR || this.#error !== undefined) return;
    const error = new ProtocolError(`The peer broke the protocol: ${reason}`, { errorCode: Number(code) });
    this.endedErrors += 1;
    this.#fail(error);
    this.#owner.violated?.(error);
    const connection = this.#connection;
    if (connection.listens("protocol_error")) {
      connection.publish("protocol_error", { connection, error, timestamp: Date.now() });
    }
  }

  /** The engine has told of the end; {@link tellEnd} follows when everything on the connection has ended. */
  ended(closed: ConnectionClosed): void {
    this.#end = closed;
    if (!this.#isReady) this.#ready?.reject(this.errorOf(closed));
  }

  tellEnd(closed: ConnectionClosed, info: CloseInfo): void {
    const connection = this.#connection;
    this.#closeInfo = info;
    this.#tellState();
    this.#owner.connectionEnded?.(connection, info, closed);
    this.#closed?.resolve(info);
    if (this.#info === undefined || !info.clean) this.#tellFailure(closed, info.by === "transport");
    if (connection.listens("connection_closed")) {
      connection.publish("connection_closed", { connection, info, timestamp: Date.now() });
    }
  }

  /** Created lazily: most connections end well, and nobody asks. */
  errorOf(closed: ConnectionClosed): WebTransportError {
    if (this.#error === undefined) {
      const { host, port } = this.#connection.remoteAddress;
      this.#error = connectionErrorOf(closed, hostAndPort(host, port), this.#info !== undefined);
    }
    return this.#error;
  }

  #fail(error: WebTransportError): void {
    this.#error ??= error;
    this.#ready?.reject(error);
  }

  #tellState(): void {
    const from = this.#toldState;
    const to = this.state;
    if (from === to || to === "connecting") return;
    this.#toldState = to;
    this.#owner.connectionMoved?.(from, to);
  }

  #tellFailure(closed: ConnectionClosed, isLost: boolean): void {
    const connection = this.#connection;
    const event = { connection, error: this.errorOf(closed), timestamp: Date.now() };
    const isTimeout = closed.kind === "idle-timeout" || closed.kind === "handshake-timeout";
    if (isTimeout) connection.publish("timeout_error", { ...event });
    if (this.#info === undefined) connection.publish("connection_failed", event);
    else if (isLost) connection.publish("connection_lost", event);
  }
}
