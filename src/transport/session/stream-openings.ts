import { onAbort } from "../../async/abort.ts";
import { Deferred, rejected } from "../../async/promises.ts";
import type { StreamDirection } from "../../engine/engine.ts";
import { TimeoutError } from "../../errors/errors.ts";
import type { SessionError } from "../../errors/errors.ts";
import type { ConnectionContext, WaitingStream } from "../connection/context.ts";
import { WebTransportStream } from "../streams/bidirectional-stream.ts";
import { WebTransportSendStream } from "../streams/send-stream.ts";
import type { StreamRecord } from "../streams/stream-record.ts";
import type { CreateStreamOptions } from "../types.ts";

import type { SessionAccounts } from "./session-accounts.ts";
import type { SessionFlow } from "./session-flow.ts";

/** The session that streams are opened for. */
export interface OpeningSession {
  readonly context: ConnectionContext;
  readonly accounts: SessionAccounts;
  readonly flow: SessionFlow | undefined;
  /** Why no stream can be opened any more. */
  readonly refusal: SessionError | undefined;
  openStream(streamId: number, direction: StreamDirection, options: CreateStreamOptions): StreamRecord;
}

/** An opening that waits, whatever its kind of stream. */
interface WaitingOpening extends WaitingStream {
  fail(error: unknown): void;
}

/** A stream that the application wants, and that waits while the peer's limit is reached. */
class StreamOpening<S> implements WaitingOpening {
  readonly direction: StreamDirection;
  readonly #open: (streamId: number) => S;
  #stream: S | undefined;
  #waiting: Deferred<S> | undefined;

  constructor(direction: StreamDirection, open: (streamId: number) => S) {
    this.direction = direction;
    this.#open = open;
  }

  opened(streamId: number): void {
    this.#stream = this.#open(streamId);
    this.#waiting?.resolve(this.#stream);
  }

  /** Undefined while the opening waits. */
  get stream(): S | undefined {
    return this.#stream;
  }

  wait(): Promise<S> {
    this.#waiting ??= new Deferred<S>();
    return this.#waiting.promise;
  }

  fail(error: unknown): void {
    this.#waiting?.reject(error);
  }
}

/** Opens a session's streams, within the peer's limits: on the session's streams first, then on the connection's. */
export class StreamOpenings {
  readonly #session: OpeningSession;
  #waiting: Set<WaitingOpening> | undefined;

  constructor(session: OpeningSession) {
    this.#session = session;
  }

  createBidirectional(options: CreateStreamOptions = {}): Promise<WebTransportStream> {
    return this.#create("bidirectional", options, (stream) => new WebTransportStream(stream));
  }

  createUnidirectional(options: CreateStreamOptions = {}): Promise<WebTransportSendStream> {
    return this.#create("unidirectional", options, (stream) => new WebTransportSendStream(stream));
  }

  /** The session has ended. */
  end(error: () => SessionError): void {
    for (const opening of [...(this.#waiting ?? [])]) {
      this.#takeBack(opening);
      opening.fail(error());
    }
  }

  #create<S>(direction: StreamDirection, options: CreateStreamOptions, wrap: (stream: StreamRecord) => S): Promise<S> {
    const { context, accounts, flow, refusal } = this.#session;
    const { sendGroup, sendOrder, signal } = options;
    const reason = refusal ?? accounts.sendGroups.refusal(sendGroup) ?? orderRefusal(sendOrder);
    if (reason !== undefined) return rejected(reason);
    if (signal?.aborted === true) return rejected(signal.reason);
    const opening = new StreamOpening(direction, (streamId) =>
      wrap(this.#session.openStream(streamId, direction, options)),
    );
    if (flow === undefined) context.openStream(opening);
    else flow.open(opening);
    return opening.stream === undefined ? this.#wait(opening, options) : Promise.resolve(opening.stream);
  }

  #wait<S>(opening: StreamOpening<S>, options: CreateStreamOptions): Promise<S> {
    const { context } = this.#session;
    const { signal, timeout = context.settings.streamCreationTimeout } = options;
    const result = opening.wait();
    this.#waiting ??= new Set();
    const waiting = this.#waiting.add(opening);
    const giveUp = (error: unknown): void => {
      this.#takeBack(opening);
      opening.fail(error);
    };
    const endAbort = onAbort(signal, () => {
      giveUp(signal?.reason);
    });
    const operation = `create ${opening.direction} stream`;
    const cancelTimeout =
      timeout === 0
        ? undefined
        : context.after(timeout, () => {
            const text = `Cannot ${operation}: the peer's limit has allowed none for ${timeout} ms`;
            giveUp(new TimeoutError(text, { operation, timeoutDuration: timeout }));
          });
    const end = (): void => {
      waiting.delete(opening);
      cancelTimeout?.();
      endAbort();
    };
    result.then(end, end);
    return result;
  }

  #takeBack(opening: WaitingStream): void {
    const { context, flow } = this.#session;
    if (flow === undefined) context.cancelOpen(opening);
    else flow.cancelOpen(opening);
  }
}

/** Checked before a stream is opened: an engine takes nothing but a number. */
function orderRefusal(sendOrder: unknown = 0): TypeError | undefined {
  return typeof sendOrder === "number" ? undefined : new TypeError("Cannot use a sendOrder that is no number");
}
