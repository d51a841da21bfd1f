// A client in the middle of everything, for the test that kills it: keeps streams, datagrams and a pending read open.
import { connect } from "../../../../dist/client/index.js";

const [, , port, hash] = process.argv;
const session = await connect(`https://127.0.0.1:${port}/echo`, {
  serverCertificateHashes: [{ algorithm: "sha-256", value: Buffer.from(hash, "hex") }],
});
const payload = new Uint8Array(64 * 1024);
const streams = await Promise.all(Array.from({ length: 10 }, () => session.createBidirectionalStream()));
let echoed = 0;
for (const stream of streams) {
  void (async () => {
    for (;;) await stream.write(payload);
  })();
  void (async () => {
    for await (const chunk of stream) {
      echoed += chunk.byteLength;
      session.datagrams.trySend("alive");
      if (echoed > 1_000_000) process.send?.("busy");
    }
  })();
}
