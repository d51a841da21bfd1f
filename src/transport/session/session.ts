import { TypedEmitter } from "../../events/emitter.ts";
import type { EventSink } from "../../events/emitter.ts";

import type { WebTransportStream } from "../streams/bidirectional-stream.ts";
import { WebTransportDatagrams } from "../datagrams/datagrams.ts";
import type { SessionEventMap } from "../events.ts";
import type { FieldList } from "./field-list.ts";
import { diagnoseSession, exportKeyingMaterial, sessionState } from "./inspection.ts";
import { IncomingStreamIterable } from "./incoming-streams.ts";
import type { IncomingStream } from "./incoming-streams.ts";
import type { SessionDriver } from "./session-driver.ts";
import { resolved } from "../../async/promises.ts";
import type { WebTransportReceiveStream } from "../streams/receive-stream.ts";
import type { WebTransportSendStream } from "../streams/send-stream.ts";
import type {
  Address,
  BytesInput,
  CloseInfo,
  CloseOptions,
  Connection,
  CreateStreamOptions,
  DynamicParams,
  SendGroup,
  Session,
  SessionState,
  SessionStats,
} from "../types.ts";

/** What a session was asked for and answered with. */
export interface SessionDescription {
  readonly url: URL;
  readonly path: string;
  readonly request: FieldList;
  readonly response: FieldList;
  /** The subprotocol; "" when there is none. */
  readonly protocol: string;
  readonly locals: unknown;
  readonly params: object;
  readonly pathParams: readonly string[];
}

/** `getStats().bufferedBytes` without an object: who looks at thousands of sessions leaves nothing to collect. */
export let bufferedBytesOf: (session: Session) => number;

/** A WebTransport session, on the server and on the client alike. */
export class WebTransportSession<P extends object = DynamicParams, Locals = Record<string, unknown>>
  extends TypedEmitter<SessionEventMap>
  implements Session
{
  readonly id: string;
  readonly url: URL;
  readonly path: string;
  /** The subprotocol that was agreed on; "" when there is none. */
  readonly protocol: string;
  readonly locals: Locals;
  readonly params: P;
  readonly pathParams: readonly string[];
  /** Fulfilled already: a session exists once it is established. */
  readonly ready: Promise<void> = resolved;
  readonly #driver: SessionDriver;
  readonly #request: FieldList;
  readonly #response: FieldList;
  // Created lazily: an idle session needs few of them.
  #datagrams: WebTransportDatagrams | undefined;
  #bidirectional: IncomingStreamIterable<WebTransportStream> | undefined;
  #unidirectional: IncomingStreamIterable<WebTransportReceiveStream> | undefined;

  static {
    bufferedBytesOf = (session) =>
      #driver in session ? session.#driver.accounts.budget.used : session.getStats().bufferedBytes;
  }

  /** Made by the connection. @internal */
  constructor(driver: SessionDriver, description: SessionDescription, parent: EventSink | undefined) {
    super({ parent });
    this.#driver = driver;
    driver.session = this;
    this.id = `${driver.context.connection.id}/${driver.sessionId}`;
    this.url = description.url;
    this.path = description.path;
    this.#request = description.request;
    this.#response = description.response;
    this.protocol = description.protocol;
    this.locals = description.locals as Locals;
    this.params = description.params as P;
    this.pathParams = description.pathParams;
  }

  get datagrams(): WebTransportDatagrams {
    this.#datagrams ??= new WebTransportDatagrams(this.#driver.datagrams);
    return this.#datagrams;
  }
  get incomingBidirectionalStreams(): IncomingStreamIterable<WebTransportStream> {
    this.#bidirectional ??= new IncomingStreamIterable(this.#driver.streams.incoming, "bidirectional");
    return this.#bidirectional;
  }
  get incomingUnidirectionalStreams(): IncomingStreamIterable<WebTransportReceiveStream> {
    this.#unidirectional ??= new IncomingStreamIterable(this.#driver.streams.incoming, "receive_only");
    return this.#unidirectional;
  }

  /** Of the request. */
  get headers(): Headers {
    return this.#request.headers;
  }
  get responseHeaders(): Headers {
    return this.#response.headers;
  }
  get connection(): Connection {
    return this.#driver.context.connection;
  }
  get remoteAddress(): Address {
    return this.connection.remoteAddress;
  }
  /** Aborts when the session ends, with the SessionError that its streams end with. */
  get signal(): AbortSignal {
    return this.#driver.signal;
  }
  get state(): SessionState {
    return this.#driver.state;
  }
  get isReady(): boolean {
    return this.state === "connected" || this.state === "draining";
  }
  get isClosed(): boolean {
    return this.state === "closed";
  }
  /** How the session ended; never rejects. */
  get closed(): Promise<CloseInfo> {
    return this.#driver.lifecycle.closed;
  }
  /** Fulfilled when the peer has asked to come to an end; pending for ever when it never does. */
  get draining(): Promise<void> {
    return this.#driver.lifecycle.draining;
  }
  /** Streams that are not over on the wire. */
  get streamCount(): number {
    return this.#driver.streams.records.size;
  }

  /** Waits while the peer's limit is reached. Rejects with TimeoutError, SessionError or the signal's reason. */
  createBidirectionalStream(options?: CreateStreamOptions): Promise<WebTransportStream> {
    return this.#driver.openings.createBidirectional(options);
  }

  /** As {@link createBidirectionalStream}, for a stream that only this side writes. */
  createUnidirectionalStream(options?: CreateStreamOptions): Promise<WebTransportSendStream> {
    return this.#driver.openings.createUnidirectional(options);
  }

  /** A group for streams of this session: see `sendGroup`. */
  createSendGroup(): SendGroup {
    return this.#driver.sendGroups.create();
  }

  /** Both kinds, in the order in which the peer opened them. Finishes when the session ends cleanly, throws when it does not. */
  incomingStreams(): IncomingStreamIterable<IncomingStream> {
    return new IncomingStreamIterable<IncomingStream>(this.#driver.streams.incoming, "any");
  }

  /**
   * Ends the session: finished streams and queued datagrams are delivered first (at most `closeTimeout`), unfinished
   * streams are reset. Resolves when the peer has been told. Throws RangeError for a code outside 0 to 2^32 - 1,
   * TypeError for a reason that is no string, ConfigurationError for an option that there is not.
   */
  close(options: CloseOptions = {}): Promise<void> {
    return this.#driver.close(options);
  }

  waitClosed(): Promise<CloseInfo> {
    return this.closed;
  }

  /** Asks the peer to come to an end; both sides may go on. */
  drain(): void {
    this.#driver.drain();
  }

  getStats(): SessionStats {
    return this.#driver.stats;
  }

  /** JSON-serialisable, without secrets. */
  debugState(): Record<string, unknown> {
    return sessionState(this.#driver, this);
  }

  /** Real problems with their figures; empty when there are none. */
  diagnoseIssues(): string[] {
    return diagnoseSession(this.#driver);
  }

  /** Keying material of the TLS session for this WebTransport session (draft §4.8); label and context at most 255 bytes, `length` 1 to 4096. */
  exportKeyingMaterial(label: BytesInput, context: BytesInput, length: number): Promise<Uint8Array<ArrayBuffer>> {
    return exportKeyingMaterial(this.#driver, label, context, length);
  }

  /** Closes it: `await using` does so at the end of the block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
