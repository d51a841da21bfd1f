import type { X509Certificate } from "node:crypto";

import { checkOptions } from "../../config/given-options.ts";
import { anything, flag } from "../../config/option-checks.ts";
import { rejected } from "../../async/promises.ts";
import { WireCodes } from "../../constants/wire-codes.ts";
import type { ConnectionInfo, ConnectionListener, ConnectionStats, QuicConnection } from "../../engine/engine.ts";
import { ServerError } from "../../errors/errors.ts";
import { TypedEmitter } from "../../events/emitter.ts";
import type { EventSink } from "../../events/emitter.ts";

import type { ConnectionEventMap } from "../events.ts";
import { checkCloseCode, checkCloseReason } from "../session/close-code.ts";
import type { WebTransportSession } from "../session/session.ts";
import type { Address, CloseInfo, Connection, ConnectionState } from "../types.ts";
import type { CloseConnectionOptions } from "./connection-closing.ts";
import type { ConnectionDriver } from "./connection-driver.ts";
import { diagnoseConnection } from "./inspection.ts";
import type { ConnectionCounts } from "./inspection.ts";
import type { OpenSessionOptions } from "./session-opener.ts";

export type { CloseConnectionOptions } from "./connection-closing.ts";
export type { OpenSessionOptions } from "./session-opener.ts";

let connections = 0;

/** A QUIC connection that carries WebTransport sessions. Its engine's events go to its listener. */
export class WebTransportConnection extends TypedEmitter<ConnectionEventMap> implements Connection {
  readonly id: string;
  readonly role: "client" | "server";
  readonly #driver: ConnectionDriver;
  #closing: Promise<CloseInfo> | undefined;
  /** Created lazily. */
  #peerCertificate: X509Certificate | undefined;

  /** {@link makeConnection} calls it. @internal */
  constructor(
    role: "client" | "server",
    parent: EventSink | undefined,
    drive: (connection: WebTransportConnection) => ConnectionDriver,
  ) {
    super({ parent });
    connections += 1;
    this.id = `${role}-${connections}`;
    this.role = role;
    this.#driver = drive(this);
  }

  /** Gives it the engine's connection, or what makes one; `info` when the handshake has completed already. @internal */
  attach(quic: QuicConnection | ((listener: ConnectionListener) => QuicConnection), info?: ConnectionInfo): void {
    this.#driver.attach(typeof quic === "function" ? quic(this.#driver) : quic, info);
  }

  /** Gets the engine's events. @internal */
  get listener(): ConnectionListener {
    return this.#driver;
  }
  get localAddress(): Address {
    return this.#driver.quic.localAddress;
  }
  get remoteAddress(): Address {
    return this.#driver.remoteAddress;
  }
  get sessions(): readonly WebTransportSession<object, unknown>[] {
    return [...this.#driver.sessions.values()].map(
      (driver) => driver.session as unknown as WebTransportSession<object, unknown>,
    );
  }
  get state(): ConnectionState {
    return this.#driver.status.state;
  }
  /** Fulfilled when the peer's SETTINGS allow sessions; rejected when they do not, or the connection ends before. */
  get ready(): Promise<void> {
    return this.#driver.status.ready;
  }
  /** TLS server name that the client asked for. */
  get serverName(): string | undefined {
    return this.#driver.status.info?.serverName;
  }
  /**
   * The newest draft of WebTransport that both sides speak, by the first draft that has its setting: "draft-02",
   * "draft-07", "draft-13" or "draft-15". Undefined until the peer's SETTINGS have come, and when there is none.
   */
  get draft(): string | undefined {
    return this.#driver.status.draft;
  }
  /** Client: how many sessions the server allows here at a time; 1 until its SETTINGS have come. */
  get simultaneousSessions(): number {
    return this.#driver.protocol.simultaneousSessions;
  }
  /** Milliseconds from the first packet to the completed handshake, of a server without the round trip of a Retry; undefined before. */
  get handshakeDuration(): number | undefined {
    return this.#driver.status.info?.handshakeDuration;
  }
  /**
   * Milliseconds since the epoch: when the peer last sent or acknowledged anything of a session or stream. Keep-alive packets
   * and plain acknowledgements of packets do not count.
   */
  get lastActivity(): number {
    return this.#driver.status.lastActivity;
  }
  /** Streams of its sessions, ended ones included, that ended in an error; and 1 when the peer has broken the protocol. */
  get errorCount(): number {
    const live = [...this.#driver.sessions.values()].map(({ stats }) => stats.streamErrors);
    return live.reduce((sum, count) => sum + count, this.#driver.status.endedErrors);
  }
  /** The peer's certificate, if it gave one: at a server a client's, which `caCerts` has verified. */
  get peerCertificate(): X509Certificate | undefined {
    const der = this.#driver.status.info?.peerCertificates[0];
    if (this.#peerCertificate !== undefined || der === undefined) return this.#peerCertificate;
    const { X509Certificate } = process.getBuiltinModule("node:crypto");
    this.#peerCertificate = new X509Certificate(der);
    return this.#peerCertificate;
  }
  /** How the connection ended; never rejects. */
  get closed(): Promise<CloseInfo> {
    return this.#driver.status.closed;
  }
  /** What is alive; all 0 once the connection has closed. @internal */
  get counts(): ConnectionCounts {
    return this.#driver.counts;
  }

  getStats(): ConnectionStats {
    return this.#driver.quic.getStats();
  }

  /** Which limit holds up all streams of the connection, and which sessions have used it up, with figures. Empty: none does. */
  diagnoseIssues(): string[] {
    return this.#driver.status.isClosed ? [] : diagnoseConnection(this.#driver);
  }

  /** Tells the peer to open no further sessions here. */
  goaway(): void {
    this.#driver.input((core) => {
      core.sendGoaway();
    });
  }

  /** Ends every session with code and reason, and then the connection. Resolves when it has ended. Throws RangeError, TypeError. */
  close(options: CloseConnectionOptions = {}): Promise<CloseInfo> {
    checkOptions("close", options, { code: anything, reason: anything, abort: flag });
    checkCloseCode(options.code);
    checkCloseReason(options.reason);
    const driver = this.#driver;
    this.#closing ??= driver.closing.run(options).then(() => this.closed);
    driver.status.closing();
    if (options.abort === true) driver.quic.close(WireCodes.H3_NO_ERROR, "");
    return this.#closing;
  }

  /** Client: asks the server for a session. Rejects with HttpError for a status that is not 2xx. */
  openSession(options: OpenSessionOptions): Promise<WebTransportSession> {
    const { opener } = this.#driver;
    if (opener === undefined) return rejected(new ServerError("Cannot open a session on a server's connection"));
    return opener.open(options);
  }

  /** Closes it: `await using` does so at the end of the block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
