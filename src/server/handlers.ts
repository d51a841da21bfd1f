import type { WebTransportSession } from "../transport/session/session.ts";
import type { BidirectionalStream, ReceiveStream } from "../transport/types.ts";

/**
 * Echoes: bidirectional streams on themselves, unidirectional ones on a new unidirectional stream, datagrams as
 * datagrams. Ends with the session, and never rejects.
 */
export async function echoHandler(session: WebTransportSession<object, unknown>): Promise<void> {
  // Each loop ends, or throws, when the session does; how it ended is the session's to tell.
  await Promise.allSettled([
    echoBidirectionalStreams(session),
    echoUnidirectionalStreams(session),
    echoDatagrams(session),
  ]);
}

/**
 * Sends one datagram of JSON, `{"status":"healthy","timestamp":…,"uptime":…}` (milliseconds since the epoch, seconds of the
 * process), and ends the session with code 0. A client that takes no datagrams learns by that alone.
 */
export async function healthCheckHandler(session: WebTransportSession<object, unknown>): Promise<void> {
  const status = { status: "healthy", timestamp: Date.now(), uptime: process.uptime() };
  try {
    await session.datagrams.send(JSON.stringify(status));
  } catch {
    // The session's end says that somebody has answered.
  }
  await session.close();
}

async function echoBidirectionalStreams(session: WebTransportSession<object, unknown>): Promise<void> {
  for await (const stream of session.incomingBidirectionalStreams) {
    void echoStream(stream).catch(() => {
      // The peer's reset, or the session's end, has ended one half: the other has no purpose any more.
      stream.reset();
      stream.stop();
    });
  }
}

async function echoStream(stream: BidirectionalStream): Promise<void> {
  for await (const chunk of stream) await stream.write(chunk);
  stream.finish();
}

async function echoUnidirectionalStreams(session: WebTransportSession<object, unknown>): Promise<void> {
  for await (const stream of session.incomingUnidirectionalStreams) {
    void echoToNewStream(session, stream).catch(() => {
      stream.stop();
    });
  }
}

async function echoToNewStream(session: WebTransportSession<object, unknown>, incoming: ReceiveStream): Promise<void> {
  const outgoing = await session.createUnidirectionalStream();
  try {
    for await (const chunk of incoming) await outgoing.write(chunk);
    outgoing.finish();
  } catch (error) {
    outgoing.reset();
    throw error;
  }
}

async function echoDatagrams(session: WebTransportSession<object, unknown>): Promise<void> {
  for await (const datagram of session.datagrams) session.datagrams.trySend(datagram);
}
