import { echoHandler } from "../../server/handlers.ts";
import type { WebTransportSession } from "../../transport/session/session.ts";
import type { BidirectionalStream } from "../../transport/types.ts";

/** The subprotocol of sessions whose streams say in their first line what is to be done with them. */
export const benchProtocol = "tswebtransport-bench.v1";

/** What a stream of the subprotocol begins with. */
export type BenchTask = "echo" | "sink" | "source";

const sourceChunk = new Uint8Array(65_536);

/**
 * Echoes; in sessions of the {@link benchProtocol} a bidirectional stream can also be a sink, which tells at its end how many
 * bytes it has read, or a source, which sends until it is stopped. Never rejects.
 */
export async function benchHandler(session: WebTransportSession<object, unknown>): Promise<void> {
  if (session.protocol !== benchProtocol) {
    await echoHandler(session);
    return;
  }
  await Promise.allSettled([serveStreams(session), echoDatagrams(session)]);
}

async function serveStreams(session: WebTransportSession<object, unknown>): Promise<void> {
  for await (const stream of session.incomingBidirectionalStreams) {
    void serveStream(stream).catch(() => {
      // The client has what it wanted, or the session has ended.
      stream.reset();
      stream.stop();
    });
  }
}

async function serveStream(stream: BidirectionalStream): Promise<void> {
  const task = await stream.readLine({ maxBytes: 64 });
  if (task === "echo") {
    for await (const chunk of stream) await stream.write(chunk);
    stream.finish();
  } else if (task === "sink") {
    let bytes = 0;
    for await (const chunk of stream) bytes += chunk.byteLength;
    await stream.writeAll(String(bytes));
  } else if (task === "source") {
    while (stream.isWritable) await stream.write(sourceChunk);
  } else {
    stream.reset(1);
    stream.stop(1);
  }
}

async function echoDatagrams(session: WebTransportSession<object, unknown>): Promise<void> {
  for await (const datagram of session.datagrams) session.datagrams.trySend(datagram);
}
