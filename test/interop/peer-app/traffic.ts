/** The paths that move bytes: echo, sink, source, push, reset. */
import type { BidirectionalStream, ReceiveSide, ReceiveStream, WebTransportSession } from "tswebtransport";

import type { EventLog } from "./event-log.ts";
import { numberOf } from "./handler.ts";
import type { Handler } from "./handler.ts";

/** Largest request that is kept as a whole. */
const maxRequest = 16 * 1024 * 1024;
/** Largest number of streams that one session of /push opens of each kind. */
const maxPushed = 1000;
/** Byte i of an answer of /source is i & 0xff: one chunk fits at every multiple of its length. */
const pattern = Uint8Array.from({ length: 65_536 }, (_, index) => index & 0xff);
const prefix = new TextEncoder().encode("ECHO: ");

interface Serving {
  readonly bidirectional?: (stream: BidirectionalStream) => Promise<void>;
  readonly unidirectional?: (stream: ReceiveStream) => Promise<void>;
  readonly datagram?: (data: Uint8Array<ArrayBuffer>) => void;
}

export const echo: Handler = (session, _request, { log }) =>
  serve(session, log, {
    bidirectional: async (stream) => {
      for await (const chunk of stream) await stream.write(chunk);
      stream.finish();
    },
    unidirectional: async (incoming) => {
      const outgoing = await session.createUnidirectionalStream();
      try {
        for await (const chunk of incoming) await outgoing.write(chunk);
        outgoing.finish();
      } catch (error) {
        outgoing.reset();
        throw error;
      }
    },
    datagram: (data) => session.datagrams.trySend(data),
  });

export const sink: Handler = (session, _request, { log }) =>
  serve(session, log, {
    bidirectional: async (stream) => {
      await stream.writeAll(String(await drain(stream)));
    },
    unidirectional: async (incoming) => {
      const count = await drain(incoming);
      const outgoing = await session.createUnidirectionalStream();
      await outgoing.writeAll(String(count));
    },
  });

export const source: Handler = (session, _request, { log }) =>
  serve(session, log, {
    bidirectional: async (stream) => {
      const request = new TextDecoder().decode(await stream.readAll({ maxBytes: 32 })).trim();
      if (!/^\d{1,15}$/.test(request)) throw new Error("the request is no decimal number");
      for (let left = Number(request); left > 0; left -= pattern.length) {
        await stream.write(left < pattern.length ? pattern.subarray(0, left) : pattern);
      }
      stream.finish();
    },
  });

export const push: Handler = async (session, { url: { searchParams } }, { log }) => {
  const count = Math.min(numberOf(searchParams, "n", 1) ?? 1, maxPushed);
  const indexes = Array.from({ length: count }, (_, index) => index);
  const bidirectional = async (index: number): Promise<void> => {
    const stream = await session.createBidirectionalStream();
    log.watchStream(stream);
    await stream.writeAll(`server-bidi-${index}`);
    const answer = await stream.readAll({ maxBytes: maxRequest });
    if (answer.length > 0) log.add("reply_on_server_bidi", { data: new TextDecoder().decode(answer) });
  };
  const unidirectional = async (index: number): Promise<void> => {
    const stream = await session.createUnidirectionalStream();
    log.watchStream(stream);
    await stream.writeAll(`server-uni-${index}`);
  };
  // How a single stream ends is the peer's affair: the session lives until the peer ends it.
  await Promise.allSettled([
    ...indexes.map(bidirectional),
    ...indexes.map(unidirectional),
    ...indexes.map((index) => session.datagrams.send(`server-datagram-${index}`)),
  ]);
  await session.closed;
};

export const resetStreams: Handler = (session, { url: { searchParams } }, { log }) => {
  const code = numberOf(searchParams, "code", 0) ?? 0;
  return serve(session, log, {
    bidirectional: async (stream) => {
      await stream.read();
      stream.reset(code);
      stream.stop(code);
    },
  });
};

export const echoWithPrefix: Handler = (session, _request, { log }) =>
  serve(session, log, {
    bidirectional: async (stream) => {
      const data = await stream.readAll({ maxBytes: maxRequest });
      await stream.write(prefix);
      await stream.writeAll(data);
    },
    datagram: (data) => session.datagrams.trySend(Buffer.concat([prefix, data])),
  });

/** Reads to the end; the number of bytes. */
export async function drain(stream: ReceiveSide, signal?: AbortSignal): Promise<number> {
  let count = 0;
  for (;;) {
    const chunk = await stream.read({ signal });
    if (chunk === null) return count;
    count += chunk.length;
  }
}

/** Serves what comes until the session ends. What there is no server for is drained. */
async function serve(session: WebTransportSession, log: EventLog, serving: Serving): Promise<void> {
  const { bidirectional = answerEmpty, unidirectional = drain, datagram } = serving;
  const streams = async (): Promise<void> => {
    for await (const stream of session.incomingBidirectionalStreams) {
      log.watchStream(stream);
      void bidirectional(stream).catch(() => {
        stream.reset();
        stream.stop();
      });
    }
  };
  const unidirectionalStreams = async (): Promise<void> => {
    for await (const stream of session.incomingUnidirectionalStreams) {
      log.watchStream(stream);
      void Promise.resolve(unidirectional(stream)).catch(() => {
        stream.stop();
      });
    }
  };
  const datagrams = async (): Promise<void> => {
    for await (const data of session.datagrams) datagram?.(data);
  };
  await Promise.allSettled([streams(), unidirectionalStreams(), datagrams()]);
}

async function answerEmpty(stream: BidirectionalStream): Promise<void> {
  await drain(stream);
  stream.finish();
}
