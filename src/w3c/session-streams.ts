import type { WebTransportSession } from "../client/index.ts";
import type { CreateStreamOptions, ReceiveSide, SendSide } from "../client/session-parts.ts";

import { WebTransportBidirectionalStream } from "./bidirectional-stream.ts";
import { WebTransportReceiveStream, failReceiveStream } from "./receive-stream.ts";
import { sendGroupInternals, toSendGroup } from "./send-group.ts";
import type { WebTransportSendGroup } from "./send-group.ts";
import { WebTransportSendStream, failSendStream } from "./send-stream.ts";
import { invalidState, whenEstablished } from "./transport.ts";
import type { Transport } from "./transport.ts";
import { construct, toDictionary, toLongLong } from "./web-idl.ts";

interface SendInit {
  readonly sendGroup: WebTransportSendGroup | null;
  readonly sendOrder: number;
}

const noGroup: SendInit = { sendGroup: null, sendOrder: 0 };

/** The streams of one session: makes them, and ends those with it that are not over by themselves (W3C, `[[SendStreams]]`). */
export class SessionStreams {
  readonly #transport: Transport;
  readonly #sending = new Set<WebTransportSendStream>();
  readonly #receiving = new Set<WebTransportReceiveStream>();

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async createBidirectional(options: unknown): Promise<WebTransportBidirectionalStream> {
    return this.#create(options, async (session, init, how) =>
      this.bidirectional(await session.createBidirectionalStream(how), init),
    );
  }

  async createUnidirectional(options: unknown): Promise<WebTransportSendStream> {
    return this.#create(options, async (session, init, how) =>
      this.#send(await session.createUnidirectionalStream(how), init),
    );
  }

  bidirectional(stream: SendSide & ReceiveSide, init = noGroup): WebTransportBidirectionalStream {
    return new WebTransportBidirectionalStream(construct, this.receive(stream), this.#send(stream, init));
  }

  receive(stream: ReceiveSide): WebTransportReceiveStream {
    const made = new WebTransportReceiveStream(construct, stream, this.#transport);
    this.#track(this.#receiving, made, stream.readClosed);
    return made;
  }

  failSending(error: unknown): void {
    for (const stream of this.#sending) failSendStream(stream, error);
    this.#sending.clear();
  }

  failReceiving(error: unknown): void {
    for (const stream of this.#receiving) failReceiveStream(stream, error);
    this.#receiving.clear();
  }

  #send(stream: SendSide, { sendGroup, sendOrder }: SendInit): WebTransportSendStream {
    const made = new WebTransportSendStream(construct, stream, this.#transport, sendGroup, sendOrder);
    this.#track(this.#sending, made, stream.writeClosed);
    return made;
  }

  async #create<Stream>(
    options: unknown,
    open: (session: WebTransportSession, init: SendInit, how: CreateStreamOptions) => Promise<Stream>,
  ): Promise<Stream> {
    const { sendGroup, sendOrder, waitUntilAvailable } = toDictionary(options, "options");
    const init = { sendGroup: toSendGroup(sendGroup), sendOrder: sendOrder === undefined ? 0 : toLongLong(sendOrder) };
    const group = init.sendGroup === null ? undefined : sendGroupInternals(init.sendGroup);
    if (group !== undefined && group.transport !== this.#transport) {
      throw new TypeError("Cannot create a stream: sendGroup belongs to another session");
    }
    const session = await whenEstablished(this.#transport, "create a stream");
    const attempt = new AbortController();
    const opening = open(session, init, {
      sendOrder: init.sendOrder,
      ...(group && { sendGroup: group.groupOf(session) }),
      signal: attempt.signal,
      timeout: 0,
    });
    const quota = new DOMException("The server allows no further stream now", "QuotaExceededError");
    // A stream that is allowed now has been opened by now.
    if (!waitUntilAvailable) attempt.abort(quota);
    try {
      return await opening;
    } catch (error) {
      throw error === quota ? quota : invalidState("create a stream");
    }
  }

  #track<Stream>(streams: Set<Stream>, stream: Stream, over: Promise<void>): void {
    streams.add(stream);
    over.then(
      () => streams.delete(stream),
      () => {
        // The session's end is told to those that are still here.
        if (this.#transport.session?.signal.aborted !== true) streams.delete(stream);
      },
    );
  }
}
