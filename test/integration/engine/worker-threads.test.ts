import { once } from "node:events";
import { Worker } from "node:worker_threads";

import { describe, expect, it } from "vitest";

import { nativeUnderTest } from "../../conformance/engine/native-under-test.ts";
import { withWorld } from "../../conformance/engine/with-world.ts";
import { bytes, openStream } from "../../conformance/engine/world.ts";

/** A client that sends as much as it can, in streams and datagrams. */
const flood = `
  const { workerData } = require("node:worker_threads");
  let connection;
  const listener = {
    connected: pour, accepted: pour,
    streamOpened() {}, data() {}, reset() {}, stopped() {}, finished() {}, streamsAvailable() {}, datagramsWritable() {},
    addressChanged() {}, closed() {}, turnEnded() {}, datagram() {},
  };
  const load = new Uint8Array(100_000);
  const empty = new Uint8Array(0);
  function pour() {
    const stream = connection.open("unidirectional");
    if (stream !== undefined) connection.write(stream, load, true);
    for (let count = 0; count < 10; count += 1) connection.sendDatagram(empty, load.subarray(0, 1000));
  }
  (async () => {
    const { nativeEngine } = await import(workerData.engine);
    const endpoint = await nativeEngine({ waker: workerData.waker }).createEndpoint(
      { host: "127.0.0.1", port: 0 }, { connection: () => listener, failed() {} });
    const options = {
      address: workerData.address, serverName: "localhost", alpn: ["test"], verification: { kind: "insecure" },
    };
    connection = endpoint.connect(options, listener);
    setInterval(pour, 1);
  })();
`;

const engine = new URL("../../../dist/engine/native/native-engine.js", import.meta.url).href;

describe.each(["uv", "poll"] as const)("a worker thread with an endpoint (%s)", (waker) => {
  it(
    "is terminated under load, again and again, and leaves the others alone",
    withWorld(nativeUnderTest(waker), async (world) => {
      const { endpoint, acceptor } = await world.server({}, { maxIdleTimeout: 500, keepAliveInterval: 0 });
      for (let round = 1; round <= 5; round += 1) {
        const { address } = await world.under.path(endpoint.localAddress);
        const worker = new Worker(flood, { eval: true, workerData: { engine, waker, address } });
        const exited = once(worker, "exit");
        const flooding = await acceptor.connectionNumber(round);
        await flooding.events.first("data");
        await worker.terminate();
        await exited;
      }
      const client = world.connect(await world.endpoint(), endpoint.localAddress);
      const server = await acceptor.connectionNumber(6);
      await client.events.first("connected");
      const streamId = openStream(client.quic, "bidirectional");
      client.quic.write(streamId, bytes("still here"), true);
      await server.events.until(() => server.events.hasFin(streamId));
      expect(server.events.text(streamId)).toBe("still here");
    }),
  );
});
