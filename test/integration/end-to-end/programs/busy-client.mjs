// A client in the middle of everything, for the test that kills it. Says "busy" once every part has begun.
import { connect } from "../../../../dist/client/index.js";

const [, , port, hash] = process.argv;
const serverCertificateHashes = [{ algorithm: "sha-256", value: Buffer.from(hash, "hex") }];
const open = (path) => connect(`https://127.0.0.1:${port}${path}`, { serverCertificateHashes });

const [echo, ignored, pushing] = await Promise.all(["/echo", "/ignores", "/pushes"].map(open));
const chunk = new Uint8Array(65_536);
await Promise.all([echoForever(), exchangeDatagrams(), uploadUnread(), leaveHalfOpen(), receiveUnread()]);
process.send("busy");

/** Resolves with the first echo, and goes on for ever. */
async function echoForever() {
  const stream = await echo.createBidirectionalStream();
  void write(stream);
  await stream.read();
  void (async () => {
    while ((await stream.read()) !== null);
  })();
}

async function exchangeDatagrams() {
  // One may be lost, until the path is known to be up.
  for (let answer; answer === undefined;) {
    echo.datagrams.trySend("alive");
    answer = await echo.datagrams.receive({ timeout: 200 }).catch(() => undefined);
  }
}

/** Nobody reads it: QUIC's window stops it. */
async function uploadUnread() {
  const stream = await ignored.createUnidirectionalStream();
  await stream.write(chunk);
  void write(stream);
}

async function leaveHalfOpen() {
  const streams = await Promise.all(Array.from({ length: 20 }, () => echo.createBidirectionalStream()));
  await Promise.all(
    streams.map(async (stream) => {
      await stream.write("half a message");
      await stream.read();
    }),
  );
}

/** The server pushes until the windows are full. */
async function receiveUnread() {
  await pushing.incomingUnidirectionalStreams.next();
}

async function write(stream) {
  try {
    for (;;) await stream.write(chunk);
  } catch {
    // The server closes first only when the test has failed, and then says why.
  }
}
