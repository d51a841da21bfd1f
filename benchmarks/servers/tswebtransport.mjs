// Our own benchmark server, on the public API as a user would write it.
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const CHUNK = Uint8Array.from({ length: 65_536 }, (_, index) => index & 0xff);

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    cert: { type: "string" },
    key: { type: "string" },
    // The folder of a bundled package; without it, this checkout's dist/.
    package: { type: "string" },
  },
});
const packageUrl =
  values.package === undefined ? new URL("../../", import.meta.url) : pathToFileURL(`${values.package}/`);
const { ServerApp } = await import(new URL("dist/server/index.js", packageUrl).href);

// No peer of the benchmark writes a line for each session, so neither does this server.
const app = new ServerApp({
  config: { certfile: values.cert, keyfile: values.key, accessLog: false, logLevel: "error" },
});
app.route("/echo", (session) => Promise.all([echoDatagrams(session), serveStreams(session, echo)]));
app.route("/sink", (session) => serveStreams(session, sink));
app.route("/source", (session) => serveStreams(session, source));
// Clients that just go are the load generator's habit.
app.onError(() => undefined);

process.once("SIGTERM", () => void app.close({ timeout: 0 }));

const address = await app.listen({ host: "127.0.0.1", port: Number(values.port) });
console.log(`listening ${address.host}:${address.port}`);

async function serveStreams(session, serve) {
  for await (const stream of session.incomingBidirectionalStreams) {
    serve(stream).catch(ignore);
  }
}

async function echoDatagrams({ datagrams }) {
  for (let datagram = await datagrams.receive(); datagram !== null; datagram = await datagrams.receive()) {
    await datagrams.send(datagram);
  }
}

async function echo(stream) {
  for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read()) {
    await stream.write(chunk);
  }
  await stream.finish();
}

async function sink(stream) {
  let total = 0;
  for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read()) {
    total += chunk.byteLength;
  }
  await stream.writeAll(String(total));
}

async function source(stream) {
  const request = new TextDecoder().decode(await stream.readAll({ maxBytes: 32 }));
  for (let remaining = Number(request); remaining > 0; remaining -= CHUNK.byteLength) {
    await stream.write(remaining < CHUNK.byteLength ? CHUNK.subarray(0, remaining) : CHUNK);
  }
  await stream.finish();
}

// A stream whose session or client has gone.
function ignore() {}
