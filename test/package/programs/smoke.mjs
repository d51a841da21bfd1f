// What every runtime must do with the installed package: both sides in one process, ended by itself.
import assert from "node:assert/strict";

import { connect, generateSelfSignedCertificate, ServerApp } from "tswebtransport";

const { cert, key, certificateHash } = await generateSelfSignedCertificate({ hostname: "localhost" });
const app = new ServerApp({ config: { cert, key, accessLog: false, middleware: [() => true] } });
const closings = [];
app.route("/echo", async (session) => {
  void session.closed.then((info) => closings.push(info));
  void echoDatagrams(session.datagrams);
  for await (const stream of session.incomingStreams()) {
    if (stream.direction === "bidirectional") await stream.writeAll(await stream.readAll());
    else await (await session.createUnidirectionalStream()).writeAll(await stream.readAll());
  }
});
app.route("/leave", (session) => session.close({ code: 7, reason: "enough" }));
const { port } = await app.listen({ host: "127.0.0.1", port: 0 });

const url = (path) => `https://127.0.0.1:${port}${path}`;
const options = { serverCertificateHashes: [certificateHash], maxRetries: 0 };
const text = (bytes) => new TextDecoder().decode(bytes);

const session = await connect(url("/echo"), options);
const stream = await session.createBidirectionalStream();
const large = "0123456789".repeat(30_000);
await Promise.all([stream.writeAll(large), stream.readAll().then((bytes) => assert.equal(text(bytes), large))]);

const oneWay = await session.createUnidirectionalStream();
await oneWay.writeAll("one way");
for await (const answer of session.incomingUnidirectionalStreams) {
  assert.equal(text(await answer.readAll()), "one way");
  break;
}

await session.datagrams.send("datagram");
assert.equal(text(await session.datagrams.receive()), "datagram");

await session.close({ code: 4_000_000_000, reason: "done" });
assert.deepEqual(await session.closed, { clean: true, code: 4_000_000_000, reason: "done", by: "local" });
const left = await (await connect(url("/leave"), options)).closed;
assert.deepEqual(left, { clean: true, code: 7, reason: "enough", by: "peer" });
await assert.rejects(connect(url("/nowhere"), options), /404/);

await app.close({ timeout: 1000 });
assert.deepEqual(closings, [{ clean: true, code: 4_000_000_000, reason: "done", by: "peer" }]);

await import("tswebtransport/server");
await import("tswebtransport/client");
const { WebTransport } = await import("tswebtransport/w3c");
assert.equal(typeof WebTransport, "function");
const { ProtocolConnection } = await import("tswebtransport/protocol");
assert.equal(new ProtocolConnection("server").pollOutput(), undefined);
await import("tswebtransport/testing");

// Nothing may keep the process now: the runner waits for its end.
console.log("smoke ok");

async function echoDatagrams(datagrams) {
  for await (const datagram of datagrams) await datagrams.send(datagram);
}
