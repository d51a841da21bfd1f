/** What `bench` measures: one function each. They end by themselves when their time is over. */
import { setImmediate } from "node:timers/promises";

import type { WebTransportSession } from "../../transport/session/session.ts";
import type { BidirectionalStream } from "../../transport/types.ts";

import { benchProtocol } from "./bench-handler.ts";
import type { BenchTask } from "./bench-handler.ts";
import { Latencies } from "./latencies.ts";
import { Stopwatch } from "./measurement.ts";
import type { Bench, Measurement, Outcome } from "./measurement.ts";

/** Bytes of a small message. */
const messageSize = 64;
const parallelStreams = 16;
/** Streams that carry the throughput together. */
const bulkStreams = 4;
const bulkChunk = new Uint8Array(65_536);
/** Datagrams that may be on their way. */
const datagramWindow = 128;
/** Milliseconds without an answer after which those on their way count as lost. */
const datagramPatience = 100;

export const measurements: Readonly<Record<string, Measurement>> = {
  connect: { title: "connect", unit: "sessions", run: measureConnects },
  latency: { title: "round trip", unit: "round trips", run: measureRoundTrips },
  streams: { title: "streams", unit: "streams", run: measureStreams },
  datagrams: { title: "datagrams", unit: "datagrams", run: measureDatagrams },
  up: { title: "upload", unit: "bytes", run: measureUpload },
  down: { title: "download", unit: "bytes", run: measureDownload },
  echo: { title: "both ways", unit: "bytes", run: measureEcho },
};

/** Sessions one after the other, each with a connection of its own. */
async function measureConnects(bench: Bench): Promise<Outcome> {
  const latencies = new Latencies();
  const watch = new Stopwatch(bench);
  while (!watch.isOver) {
    const started = bench.now();
    const session = await bench.connect();
    latencies.add(bench.now() - started);
    await session.close({ abort: true });
    bench.report({ count: latencies.count, seconds: watch.seconds });
  }
  return { count: latencies.count, seconds: watch.seconds, latency: latencies.summary() };
}

/** One small message after the other, on one stream. */
async function measureRoundTrips(bench: Bench): Promise<Outcome> {
  const session = await bench.connect();
  const stream = await openStream(session, "echo");
  const message = new Uint8Array(messageSize);
  const latencies = new Latencies();
  const watch = new Stopwatch(bench);
  while (!watch.isOver) {
    const started = bench.now();
    await stream.write(message);
    await stream.readExactly(messageSize);
    latencies.add(bench.now() - started);
    bench.report({ count: latencies.count, seconds: watch.seconds });
  }
  const outcome = { count: latencies.count, seconds: watch.seconds, latency: latencies.summary() };
  await session.close({ abort: true });
  return outcome;
}

/** Small streams, several at a time. */
async function measureStreams(bench: Bench): Promise<Outcome> {
  const session = await bench.connect();
  const message = new Uint8Array(messageSize);
  const latencies = new Latencies();
  const watch = new Stopwatch(bench);
  const lane = async (): Promise<void> => {
    while (!watch.isOver) {
      const started = bench.now();
      const stream = await openStream(session, "echo");
      await stream.writeAll(message);
      await stream.readAll({ maxBytes: messageSize });
      latencies.add(bench.now() - started);
      bench.report({ count: latencies.count, seconds: watch.seconds });
    }
  };
  await Promise.all(Array.from({ length: parallelStreams }, lane));
  const outcome = { count: latencies.count, seconds: watch.seconds, latency: latencies.summary() };
  await session.close({ abort: true });
  return outcome;
}

async function measureDatagrams(bench: Bench): Promise<Outcome> {
  const session = await bench.connect();
  const latencies = new Latencies();
  const watch = new Stopwatch(bench);
  let [sent, onTheWay, lastAnswer] = [0, 0, bench.now()];
  const receive = async (): Promise<void> => {
    for await (const datagram of session.datagrams) {
      if (datagram.byteLength !== messageSize) continue;
      const now = bench.now();
      latencies.add(now - new DataView(datagram.buffer).getFloat64(0));
      onTheWay = Math.max(0, onTheWay - 1);
      lastAnswer = now;
    }
  };
  const receiving = receive().catch(() => {
    // The session's end.
  });
  while (!watch.isOver && session.isReady) {
    if (onTheWay >= datagramWindow && bench.now() - lastAnswer > datagramPatience) onTheWay = 0;
    while (onTheWay < datagramWindow && session.datagrams.trySend(stamped(bench.now()))) {
      sent += 1;
      onTheWay += 1;
    }
    bench.report({ count: latencies.count, seconds: watch.seconds, sent });
    await setImmediate();
  }
  const { seconds } = watch;
  // What is on its way may still come.
  for (const end = bench.now() + datagramPatience; onTheWay > 0 && bench.now() < end;) await setImmediate();
  const outcome = { count: latencies.count, seconds, latency: latencies.summary(), sent };
  await session.close({ abort: true });
  await receiving;
  return outcome;
}

function stamped(now: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(messageSize);
  new DataView(bytes.buffer).setFloat64(0, now);
  return bytes;
}

/** Counted by the server. */
async function measureUpload(bench: Bench): Promise<Outcome> {
  const session = await bench.connect();
  const watch = new Stopwatch(bench);
  let handedOver = 0;
  const lane = async (): Promise<number> => {
    const stream = await openStream(session, "sink");
    while (!watch.isOver) {
      await stream.write(bulkChunk);
      handedOver += bulkChunk.byteLength;
      bench.report({ count: handedOver, seconds: watch.seconds });
    }
    stream.finish();
    return Number(new TextDecoder().decode(await stream.readAll({ maxBytes: 64 })));
  };
  const counts = await Promise.all(Array.from({ length: bulkStreams }, lane));
  const outcome = { count: counts.reduce((sum, count) => sum + count, 0), seconds: watch.seconds };
  await session.close({ abort: true });
  return outcome;
}

async function measureDownload(bench: Bench): Promise<Outcome> {
  const session = await bench.connect();
  const watch = new Stopwatch(bench);
  let count = 0;
  const lane = async (): Promise<void> => {
    const stream = await openStream(session, "source");
    for await (const chunk of stream) {
      count += chunk.byteLength;
      bench.report({ count, seconds: watch.seconds });
      if (watch.isOver) return;
    }
  };
  await Promise.all(Array.from({ length: bulkStreams }, lane));
  const outcome = { count, seconds: watch.seconds };
  await session.close({ abort: true });
  return outcome;
}

/** Of a server that only echoes: bytes that have come back. */
async function measureEcho(bench: Bench): Promise<Outcome> {
  const session = await bench.connect();
  const watch = new Stopwatch(bench);
  let count = 0;
  const lane = async (): Promise<void> => {
    const stream = await openStream(session, "echo");
    const send = async (): Promise<void> => {
      while (!watch.isOver) await stream.write(bulkChunk);
      stream.finish();
    };
    const receive = async (): Promise<void> => {
      for await (const chunk of stream) {
        count += chunk.byteLength;
        bench.report({ count, seconds: watch.seconds });
      }
    };
    await Promise.all([send(), receive()]);
  };
  await Promise.all(Array.from({ length: bulkStreams }, lane));
  const outcome = { count, seconds: watch.seconds };
  await session.close({ abort: true });
  return outcome;
}

/** A server that knows the subprotocol is told what the stream is for; any other one is expected to echo. */
async function openStream(session: WebTransportSession, task: BenchTask): Promise<BidirectionalStream> {
  const stream = await session.createBidirectionalStream();
  if (session.protocol === benchProtocol) await stream.write(`${task}\n`);
  return stream;
}
