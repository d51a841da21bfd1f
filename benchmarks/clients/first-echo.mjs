// A session from Node to its first echo, with our own client: handshake, CONNECT, one stream of 64 bytes and back.
import { parseArgs } from "node:util";

import { connect } from "../../dist/index.js";

const { values } = parseArgs({
  options: {
    url: { type: "string" },
    "cert-hash": { type: "string" },
    sessions: { type: "string", default: "20" },
  },
});
const serverCertificateHashes = [{ algorithm: "sha-256", value: Buffer.from(values["cert-hash"], "hex") }];
const payload = new Uint8Array(64).fill(0x5a);

const milliseconds = [];
for (let index = 0; index < Number(values.sessions); index += 1) {
  const started = performance.now();
  const session = await connect(new URL("/echo", values.url).href, { serverCertificateHashes });
  const stream = await session.createBidirectionalStream();
  await stream.writeAll(payload);
  const answer = await stream.readAll({ maxBytes: 1024 });
  milliseconds.push(performance.now() - started);
  if (Buffer.compare(answer, payload) !== 0) throw new Error("an echo differs from what was sent");
  await session.close();
}
const firstMs = milliseconds[0];
milliseconds.sort((a, b) => a - b);
const medianMs = milliseconds[milliseconds.length >> 1];
console.log(JSON.stringify({ metric: "node-first-echo", operations: milliseconds.length, firstMs, medianMs }));
process.exit(0);
