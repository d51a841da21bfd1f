import { connect } from "../client/index.ts";
import type { WebTransportSession } from "../client/index.ts";
import { Deferred, quiet } from "../client/session-parts.ts";

import type { WebTransportBidirectionalStream } from "./bidirectional-stream.ts";
import { DatagramState } from "./datagram-state.ts";
import { WebTransportDatagramDuplexStream } from "./datagrams.ts";
import { incomingBytes, incomingObjects } from "./incoming.ts";
import type { Incoming } from "./incoming.ts";
import { parseArguments, parseCloseInfo } from "./options.ts";
import type { ParsedOptions } from "./options.ts";
import type { WebTransportReceiveStream } from "./receive-stream.ts";
import { toResponseHeaders } from "./response-headers.ts";
import { WebTransportSendGroup } from "./send-group.ts";
import type { WebTransportSendStream } from "./send-stream.ts";
import { SessionStreams } from "./session-streams.ts";
import { connectionStats } from "./stats.ts";
import { invalidState, whenEstablished } from "./transport.ts";
import type { Transport } from "./transport.ts";
import type { WebTransportConnectionStats } from "./stats-types.ts";
import type {
  WebTransportCloseInfo,
  WebTransportCongestionControl,
  WebTransportOptions,
  WebTransportReliabilityMode,
  WebTransportSendStreamOptions,
} from "./types.ts";
import { sessionFailure } from "./web-transport-error.ts";
import { construct, defineInterface, toBytes, toEnforcedUnsignedShort, toUnsignedLong } from "./web-idl.ts";

type State = "connecting" | "connected" | "closed" | "failed";

/** Streams of each direction that a server may always open, as with `connect()`; W3C §6.9 wants 100 at least. */
const leastIncomingStreams = 512;

/**
 * W3C WebTransport §6, for Node. A session has a connection of its own, unless `allowPooling` is set; `connect()` says more
 * of what fails. Reads and writes have no time limit, whatever `readTimeout` and `writeTimeout` of the configuration say.
 */
export class WebTransport {
  /** There is no WebTransport over TCP here. */
  static readonly supportsReliableOnly: boolean = false;
  readonly #options: ParsedOptions;
  readonly #ready = new Deferred<undefined>();
  readonly #closed = new Deferred<WebTransportCloseInfo>();
  readonly #draining = new Deferred<undefined>();
  readonly #established = new Deferred<WebTransportSession>();
  readonly #over = new Deferred<unknown>();
  readonly #abort = new AbortController();
  readonly #transport: Transport;
  readonly #streams: SessionStreams;
  readonly #datagramState: DatagramState;
  readonly #datagrams: WebTransportDatagramDuplexStream;
  readonly #incomingDatagrams: Incoming<Uint8Array>;
  readonly #incomingBidirectional: Incoming<WebTransportBidirectionalStream>;
  readonly #incomingUnidirectional: Incoming<WebTransportReceiveStream>;
  #state: State = "connecting";
  #session: WebTransportSession | undefined;
  #responseHeaders: Headers | null = null;
  #lastStats: WebTransportConnectionStats | undefined;
  #anticipatedUnidirectional: number | null;
  #anticipatedBidirectional: number | null;

  /**
   * Throws DOMException as SyntaxError (URL, protocols) or NotSupportedError (pooling with certificate hashes), TypeError
   * for options of a wrong type. Everything else rejects `ready` and `closed`.
   */
  constructor(url: string | URL, options: WebTransportOptions = {}) {
    const parsed = parseArguments(url, options);
    this.#options = parsed;
    this.#anticipatedUnidirectional = parsed.anticipatedUnidirectional;
    this.#anticipatedBidirectional = parsed.anticipatedBidirectional;
    this.#transport = this.#makeTransport();
    const transport = this.#transport;
    this.#streams = new SessionStreams(transport);
    const takeDatagram = (session: WebTransportSession): Promise<Uint8Array<ArrayBuffer> | null> =>
      session.datagrams.receive();
    this.#incomingDatagrams =
      parsed.datagramsReadableType === "bytes"
        ? incomingBytes(transport, takeDatagram)
        : incomingObjects<Uint8Array>(transport, takeDatagram);
    this.#datagramState = new DatagramState(transport);
    this.#datagrams = new WebTransportDatagramDuplexStream(
      construct,
      this.#datagramState,
      this.#incomingDatagrams.readable,
    );
    this.#incomingBidirectional = incomingObjects(transport, async (session) => {
      const stream = await session.incomingBidirectionalStreams.next();
      return stream === null ? null : this.#streams.bidirectional(stream);
    });
    this.#incomingUnidirectional = incomingObjects(transport, async (session) => {
      const stream = await session.incomingUnidirectionalStreams.next();
      return stream === null ? null : this.#streams.receive(stream);
    });
    void this.#establish();
  }

  get ready(): Promise<undefined> {
    return this.#ready.promise;
  }

  get reliability(): WebTransportReliabilityMode {
    return this.#responseHeaders === null ? "pending" : "supports-unreliable";
  }

  get congestionControl(): WebTransportCongestionControl {
    return this.#options.congestionControl;
  }

  /** 0 to 65535, or null. Of effect in the constructor only. Throws TypeError. */
  get anticipatedConcurrentIncomingUnidirectionalStreams(): number | null {
    return this.#anticipatedUnidirectional;
  }
  set anticipatedConcurrentIncomingUnidirectionalStreams(value: number | null) {
    this.#anticipatedUnidirectional = toEnforcedUnsignedShort(value, "The number of streams");
  }

  /** As {@link anticipatedConcurrentIncomingUnidirectionalStreams}. */
  get anticipatedConcurrentIncomingBidirectionalStreams(): number | null {
    return this.#anticipatedBidirectional;
  }
  set anticipatedConcurrentIncomingBidirectionalStreams(value: number | null) {
    this.#anticipatedBidirectional = toEnforcedUnsignedShort(value, "The number of streams");
  }

  /** Null until the session is established. */
  get responseHeaders(): Headers | null {
    return this.#responseHeaders;
  }

  /** The subprotocol; "" when there is none. */
  get protocol(): string {
    return this.#session?.protocol ?? "";
  }

  /** Fulfilled when the session was closed by either side, rejected with WebTransportError when it ended otherwise. */
  get closed(): Promise<WebTransportCloseInfo> {
    return this.#closed.promise;
  }

  /** Fulfilled when the server asks to come to an end; pending for ever when it never does. */
  get draining(): Promise<undefined> {
    return this.#draining.promise;
  }

  get datagrams(): WebTransportDatagramDuplexStream {
    return this.#datagrams;
  }

  get incomingBidirectionalStreams(): ReadableStream<WebTransportBidirectionalStream> {
    return this.#incomingBidirectional.readable;
  }

  get incomingUnidirectionalStreams(): ReadableStream<WebTransportReceiveStream> {
    return this.#incomingUnidirectional.readable;
  }

  /**
   * Ends the session: `closed` is fulfilled and every stream errs with AbortError at once. Streams whose writer was closed,
   * and datagrams that were written, still arrive.
   */
  close(closeInfo: WebTransportCloseInfo = {}): void {
    const info = parseCloseInfo(closeInfo);
    if (this.#transport.isOver) return;
    const session = this.#session;
    if (session === undefined) {
      this.#fail(sessionFailure(new Error("The session was closed before it was established")));
      return;
    }
    const { closeCode: code, reason } = info;
    void quiet(session.close({ code, reason }));
    this.#close(new DOMException("The session was closed", "AbortError"), info, "local");
  }

  /** Rejects with InvalidStateError when there was no session. After its end: the last figures. */
  async getStats(): Promise<WebTransportConnectionStats> {
    if (this.#state === "connecting") await this.#established.promise.catch(() => {});
    const stats = this.#state === "failed" ? undefined : this.#collectStats();
    if (stats === undefined) throw invalidState("get the statistics");
    return { ...stats, datagrams: { ...stats.datagrams } };
  }

  /** TLS exporter (draft-ietf-webtrans-http3 §4.8): label and context at most 255 bytes, 1 to 4096 bytes of output. */
  exportKeyingMaterial(
    label: ArrayBuffer | ArrayBufferView,
    context: ArrayBuffer | ArrayBufferView,
    outputLength: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    return quiet(this.#exportKeyingMaterial(label, context, outputLength));
  }

  createBidirectionalStream(options: WebTransportSendStreamOptions = {}): Promise<WebTransportBidirectionalStream> {
    return quiet(this.#streams.createBidirectional(options));
  }

  /**
   * Rejects with TypeError for a group of another session, InvalidStateError when the session has ended, and
   * QuotaExceededError when the server allows no further stream now (unless `waitUntilAvailable`).
   */
  createUnidirectionalStream(options: WebTransportSendStreamOptions = {}): Promise<WebTransportSendStream> {
    return quiet(this.#streams.createUnidirectional(options));
  }

  /** Throws InvalidStateError when the session has ended. */
  createSendGroup(): WebTransportSendGroup {
    if (this.#transport.isOver) throw invalidState("create a send group");
    return new WebTransportSendGroup(construct, this.#transport);
  }

  #makeTransport(): Transport {
    const isOver = (): boolean => this.#state === "closed" || this.#state === "failed";
    const session = (): WebTransportSession | undefined => (isOver() ? undefined : this.#session);
    return {
      get session() {
        return session();
      },
      get isOver() {
        return isOver();
      },
      established: this.#established.promise,
      over: this.#over.promise,
    };
  }

  async #establish(): Promise<void> {
    const { url, headers, protocols, serverCertificateHashes, allowPooling, config, nodeOptions } = this.#options;
    try {
      const session = await connect(url, {
        ...(config && { config }),
        ...nodeOptions,
        allowPooling,
        headers,
        maxRetries: 0,
        // The W3C's streams wait as long as their session lives: they have no way to tell of a time-out and go on.
        readTimeout: 0,
        writeTimeout: 0,
        maxIncomingStreams: Math.max(
          leastIncomingStreams,
          this.#anticipatedUnidirectional ?? 0,
          this.#anticipatedBidirectional ?? 0,
        ),
        ...(protocols.length > 0 && { protocols }),
        ...(serverCertificateHashes.length > 0 && { serverCertificateHashes }),
        signal: this.#abort.signal,
      });
      this.#connected(session);
    } catch (error) {
      this.#fail(sessionFailure(error));
    }
  }

  #connected(session: WebTransportSession): void {
    if (this.#transport.isOver) {
      void quiet(session.close({ abort: true }));
      return;
    }
    this.#session = session;
    this.#responseHeaders = toResponseHeaders(session.responseHeaders);
    this.#state = "connected";
    this.#established.resolve(session);
    this.#ready.resolve(undefined);
    void session.draining.then(() => {
      this.#draining.resolve(undefined);
    });
    void session.closed.then((info) => {
      if (info.clean) {
        const { code: closeCode, reason } = info;
        this.#close(sessionFailure(session.signal.reason), { closeCode, reason }, "peer");
      } else {
        this.#fail(sessionFailure(info.error));
      }
    });
  }

  /** W3C §6.5, "cleanup" with a closeInfo. */
  #close(error: unknown, info: WebTransportCloseInfo, by: "local" | "peer"): void {
    if (this.#transport.isOver) return;
    this.#lastStats = this.#collectStats();
    this.#state = "closed";
    this.#over.resolve(error);
    this.#streams.failSending(error);
    this.#datagramState.end(error);
    const incoming = [this.#incomingBidirectional, this.#incomingUnidirectional, this.#incomingDatagrams];
    if (by === "local") {
      this.#streams.failReceiving(error);
      for (const each of incoming) each.closeAtOnce();
    } else {
      // What the server had finished before it closed can still be read; what it had not errs by itself.
      for (const each of incoming) each.close();
    }
    this.#closed.resolve(info);
  }

  /** W3C §6.5, "cleanup" without a closeInfo. */
  #fail(error: unknown): void {
    if (this.#transport.isOver) return;
    this.#state = "failed";
    this.#over.resolve(error);
    this.#established.reject(error);
    this.#abort.abort(error);
    this.#streams.failSending(error);
    this.#streams.failReceiving(error);
    this.#datagramState.end(error);
    this.#closed.reject(error);
    this.#ready.reject(error);
    for (const each of [this.#incomingBidirectional, this.#incomingUnidirectional, this.#incomingDatagrams]) {
      each.fail(error);
    }
  }

  #collectStats(): WebTransportConnectionStats | undefined {
    const session = this.#transport.session;
    if (session === undefined) return this.#lastStats;
    return connectionStats(session, this.#options.allowPooling, this.#datagramState.expiredOutgoing);
  }

  async #exportKeyingMaterial(
    label: unknown,
    context: unknown,
    outputLength: unknown,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const labelBytes = toBytes(label, "The label");
    const contextBytes = toBytes(context, "The context");
    const length = toUnsignedLong(outputLength);
    if (labelBytes.byteLength > 255) throw new RangeError("The label has more than 255 bytes");
    if (contextBytes.byteLength > 255) throw new RangeError("The context has more than 255 bytes");
    if (length < 1 || length > 4096) throw new RangeError(`Cannot export ${length} bytes: 1 to 4096 are allowed`);
    const session = await whenEstablished(this.#transport, "export keying material");
    return session.exportKeyingMaterial(labelBytes, contextBytes, length);
  }
}

defineInterface(WebTransport);
