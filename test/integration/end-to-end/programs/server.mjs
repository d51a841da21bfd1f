// The server whose memory is measured, in a process of its own. Over the IPC channel: "report" and "close".
import { ServerApp, generateSelfSignedCertificate } from "../../../../dist/index.js";

const { cert, key, certificateHash } = await generateSelfSignedCertificate({ hostname: "localhost" });
const app = new ServerApp({ config: { cert, key, accessLog: false, logLevel: "error" } });
app.route("/upload", onEachStream(countBytes));
app.route("/download", onEachStream(sendBytes));

function onEachStream(handle) {
  return async (session) => {
    // A client may leave at any moment: what its streams end with is no news.
    for await (const stream of session.incomingBidirectionalStreams) void handle(stream).catch(() => {});
  };
}

async function countBytes(stream) {
  let count = 0;
  for await (const chunk of stream) count += chunk.byteLength;
  await stream.writeAll(String(count));
}

async function sendBytes(stream) {
  const wanted = Number(new TextDecoder().decode(await stream.readAll()));
  const block = Uint8Array.from({ length: 65_536 }, (_, index) => index);
  for (let left = wanted; left > 0; left -= block.length) await stream.write(block.subarray(0, left));
  stream.finish();
}

process.on("message", async (message) => {
  switch (message) {
    case "report":
      process.send({ stats: app.server.getServerStats(), residentBytes: process.memoryUsage.rss() });
      return;
    case "close":
      await app.close({ timeout: 0 });
      // The channel is all that keeps the process alive now.
      process.disconnect();
      return;
    default:
      throw new Error(`unknown message ${String(message)}`);
  }
});
const { port } = await app.listen({ host: "127.0.0.1", port: 0 });
process.send({ port, hash: Buffer.from(certificateHash.value).toString("hex") });
