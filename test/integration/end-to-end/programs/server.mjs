// The server of the end-to-end tests, in a process of its own: its memory is measured and its peers are killed.
// Speaks over the IPC channel: answers "stats" and "close".
import { ServerApp, echoHandler, generateSelfSignedCertificate } from "../../../../dist/index.js";

const { cert, key, certificateHash } = await generateSelfSignedCertificate({ hostname: "localhost" });
const app = new ServerApp({
  config: { cert, key, accessLog: false, logLevel: "error", connectionIdleTimeout: 2000, keepaliveInterval: 500 },
});
app.route("/echo", echoHandler);
app.route("/sink", async (session) => {
  for await (const stream of session.incomingBidirectionalStreams) void answerCount(stream).catch(ignore);
});
app.route("/source", async (session) => {
  for await (const stream of session.incomingBidirectionalStreams) void answerBytes(stream).catch(ignore);
});
let pausedBytes = 0;
let resume = () => {};
app.route("/paused", async (session) => {
  for await (const stream of session.incomingBidirectionalStreams) {
    await new Promise((resolve) => {
      resume = resolve;
    });
    for await (const chunk of stream) pausedBytes += chunk.byteLength;
    await stream.writeAll(String(pausedBytes));
  }
});

async function answerCount(stream) {
  let count = 0;
  for await (const chunk of stream) count += chunk.byteLength;
  await stream.writeAll(String(count));
}

async function answerBytes(stream) {
  let left = Number(new TextDecoder().decode(await stream.readAll()));
  const pattern = Uint8Array.from({ length: 65_536 }, (_, index) => index & 0xff);
  for (; left > 0; left -= pattern.length) await stream.write(pattern.subarray(0, Math.min(left, pattern.length)));
  await stream.finish();
}

/** A client may leave at any moment: its stream's error has been told to nobody else's loss. */
function ignore() {}

process.on("message", async (message) => {
  switch (message) {
    case "stats":
      process.send({ stats: app.server.getServerStats(), residentBytes: process.memoryUsage.rss() });
      return;
    case "resume":
      resume();
      return;
    case "close":
      await app.close({ timeout: 0 });
      process.disconnect();
      return;
    default:
      throw new Error(`unknown message ${String(message)}`);
  }
});
const address = await app.listen({ host: "127.0.0.1", port: 0 });
process.send({ port: address.port, hash: Buffer.from(certificateHash.value).toString("hex") });
