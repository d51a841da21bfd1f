import { once } from "node:events";
import { Worker } from "node:worker_threads";

import { describe, expect, it } from "vitest";

import { nativeUnderTest } from "../../conformance/engine/native-under-test.ts";
import { withWorld } from "../../conformance/engine/with-world.ts";
import { bytes, openStream } from "../../conformance/engine/world.ts";

/** A client that connects several times and sends as much as it can, in streams and datagrams. */
const flood = `
  const { workerData } = require("node:worker_threads");
  const connections = [];
  const listener = {
    connected() { for (const connection of connections) pour(connection); },
    streamOpened() {}, data() {}, reset() {}, stopped() {}, finished() {}, streamsAvailable() {}, datagramsWritable() {},
    addressChanged() {}, closed() {}, turnEnded() {}, datagram() {},
    accepted() { for (const connection of connections) pour(connection); },
  };
  const load = new Uint8Array(100_000);
  const empty = new Uint8Array(0);
  function pour(connection) {
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
    for (let count = 0; count < 5; count += 1) connections.push(endpoint.connect(options, listener));
    setInterval(() => { for (const connection of connections) pour(connection); }, 1);
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
        const flooding = await acceptor.connectionNumber(acceptor.accepted.length + 1);
        await flooding.events.first("data");
        await worker.terminate();
        await exited;
      }
      const client = world.connect(await world.endpoint(), endpoint.localAddress);
      const number = acceptor.accepted.length + 1;
      await client.events.first("connected");
      const server = acceptor.accepted.at(-1) ?? (await acceptor.connectionNumber(number));
      const streamId = openStream(client.quic, "bidirectional");
      client.quic.write(streamId, bytes("still here"), true);
      await server.events.until(() => server.events.hasFin(streamId));
      expect(server.events.text(streamId)).toBe("still here");
    }),
  );
});
