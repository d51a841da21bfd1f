import { Deferred, rejected, untilAborted } from "../../async/promises.ts";
import { WireCodes } from "../../constants/wire-codes.ts";
import { ConfigurationError, ConnectionError, TimeoutError } from "../../errors/errors.ts";
import type { WebTransportError } from "../../errors/errors.ts";
import type { ProtocolOutput } from "../../protocol/output.ts";
import type { SessionRequest } from "../../protocol/webtransport/client-sessions.ts";
import { protocolsFault } from "../../protocol/webtransport/subprotocols.ts";

import { rejectionOf } from "../session/close-info.ts";
import { FieldList } from "../session/field-list.ts";
import { requestTooLarge } from "../session/header-section-errors.ts";
import type { WebTransportSession } from "../session/session.ts";
import type { HeadersInput, SignalOption } from "../types.ts";
import type { WaitingStream } from "./context.ts";
import type { DriverContext } from "./driver-context.ts";

export interface OpenSessionOptions extends SignalOption {
  readonly url: URL | string;
  readonly headers?: HeadersInput;
  /** Subprotocols to offer, most preferred first: different ones of 1 to 512 printable ASCII characters. */
  readonly protocols?: readonly string[];
  /** Milliseconds until the session is established; then TimeoutError. Default: no limit. */
  readonly timeout?: number;
  /** The session's `locals`. */
  readonly locals?: unknown;
}

type SessionAcceptedOutput = Extract<ProtocolOutput, { type: "sessionAccepted" }>;
type SessionRejectedOutput = Extract<ProtocolOutput, { type: "sessionRejected" }>;

/** Client: asks the server for sessions. */
export class SessionOpener {
  readonly #context: DriverContext;
  /** Those whose request has not been sent: they wait for the peer's SETTINGS or for a stream. */
  readonly #unsent = new Set<Opening>();
  /** Those whose request has been sent, by their session's id. */
  readonly #sent = new Map<number, Opening>();

  constructor(context: DriverContext) {
    this.#context = context;
  }

  /** Requests that wait for their answer. */
  get waiting(): number {
    return this.#sent.size;
  }

  open(options: OpenSessionOptions): Promise<WebTransportSession> {
    const { signal, timeout } = options;
    let opening: Opening;
    try {
      opening = new Opening(this.#context, options, this.#unsent, this.#sent);
    } catch (error) {
      return rejected(error);
    }
    const { promise } = opening.result;
    // What `start` throws, only its own caller is told.
    this.#context.status.ready
      .then(() => {
        opening.start();
      })
      .catch((error: unknown) => {
        opening.cancel(error);
      });
    if (timeout !== undefined) {
      const cancelTimeout = this.#context.after(timeout, () => {
        const text = `No session was established within ${timeout} ms`;
        opening.cancel(new TimeoutError(text, { operation: "open session", timeoutDuration: timeout }));
      });
      promise.then(cancelTimeout, cancelTimeout);
    }
    return untilAborted(promise, signal, () => {
      opening.cancel(signal?.reason);
    });
  }

  accepted(output: SessionAcceptedOutput): void {
    this.#take(output.sessionId)?.accepted(output);
  }

  rejected(output: SessionRejectedOutput): void {
    this.#take(output.sessionId)?.result.reject(rejectionOf(output));
  }

  /** RFC 9114 §5.2: behind GOAWAY a client sends no request; one that is on its way may still be answered. */
  goingAway(): void {
    for (const opening of this.#unsent) opening.cancel(goingAway());
  }

  end(error: () => WebTransportError): void {
    const sent = [...this.#sent.values()];
    this.#sent.clear();
    for (const opening of sent) opening.result.reject(error());
    for (const opening of this.#unsent) opening.cancel(error());
  }

  #take(sessionId: number): Opening | undefined {
    const opening = this.#sent.get(sessionId);
    this.#sent.delete(sessionId);
    return opening;
  }
}

/** One session that is being opened. It is in `unsent` until its request is sent, then in `sent` until it is answered. */
class Opening implements WaitingStream {
  readonly direction = "bidirectional";
  readonly result = new Deferred<WebTransportSession>();
  readonly #context: DriverContext;
  readonly #url: URL;
  readonly #fields: FieldList;
  readonly #locals: unknown;
  readonly #request: SessionRequest;
  readonly #unsent: Set<Opening>;
  readonly #sent: Map<number, Opening>;
  #sessionId: number | undefined;
  #isCancelled = false;

  /** Throws ConfigurationError and TypeError. */
  constructor(context: DriverContext, options: OpenSessionOptions, unsent: Set<Opening>, sent: Map<number, Opening>) {
    const { protocols = [], locals = {} } = options;
    this.#context = context;
    this.#url = new URL(options.url);
    this.#fields = FieldList.of(options.headers);
    checkProtocols(protocols);
    this.#locals = locals;
    const { host, pathname, search } = this.#url;
    this.#request = { authority: host, path: pathname + search, headers: this.#fields.list, protocols };
    this.#unsent = unsent;
    this.#sent = sent;
    unsent.add(this);
  }

  /** The peer's SETTINGS allow sessions. */
  start(): void {
    if (this.#isCancelled) return;
    const { status, protocol } = this.#context;
    if (status.error !== undefined) throw status.error;
    if (status.isDraining) throw goingAway();
    const excess = protocol.requestExcess(this.#request);
    if (excess !== undefined) throw requestTooLarge(excess);
    this.#context.openStream(this);
  }

  opened(streamId: number): void {
    const context = this.#context;
    this.#sessionId = streamId;
    this.#unsent.delete(this);
    this.#sent.set(streamId, this);
    context.input(
      (core) => {
        core.openSession(streamId, this.#request, context.now());
      },
      (error) => {
        this.cancel(error);
        context.abandonStream(streamId, WireCodes.H3_REQUEST_CANCELLED);
      },
    );
  }

  accepted({ sessionId, headers, protocol }: SessionAcceptedOutput): void {
    const session = this.#context.createSession(sessionId, {
      url: this.#url,
      path: this.#url.pathname,
      request: this.#fields,
      response: new FieldList(headers),
      protocol,
      locals: this.#locals,
      params: {},
      pathParams: [],
    });
    this.#context.tellReady(session, sessionId);
    this.result.resolve(session as unknown as WebTransportSession);
  }

  /** Takes the request back, unless it is answered. */
  cancel(reason: unknown): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#context.cancelOpen(this);
    this.#unsent.delete(this);
    const id = this.#sessionId;
    if (id !== undefined && this.#sent.delete(id)) {
      this.#context.input((core) => {
        core.abortSession(id, WireCodes.H3_REQUEST_CANCELLED, "The request was taken back");
      });
    }
    this.result.reject(reason);
  }
}

function goingAway(): ConnectionError {
  return new ConnectionError("The server opens no further sessions (GOAWAY)");
}

function checkProtocols(protocols: readonly string[]): void {
  const fault = protocolsFault(protocols);
  if (fault === undefined) return;
  throw new ConfigurationError(`Cannot offer the subprotocols: ${fault}`, {
    configKey: "protocols",
    configValue: protocols,
  });
}
