// The benchmark server on rwebtransport, written as its README's examples are. It needs Node 24 or 26.
import { parseArgs } from "node:util";

import { WebTransportServer } from "rwebtransport";

const CHUNK = Uint8Array.from({ length: 65_536 }, (_, index) => index & 0xff);

const { values } = parseArgs({
  options: { port: { type: "string", default: "0" }, cert: { type: "string" }, key: { type: "string" } },
});

const serveStream = { "/echo": echo, "/sink": sink, "/source": source };

const server = new WebTransportServer({
  host: "127.0.0.1",
  port: Number(values.port),
  cert: values.cert,
  key: values.key,
});
await server.ready;
console.log(`listening 127.0.0.1:${server.port}`);

for await (const session of server.incomingSessions) {
  const serve = serveStream[session.path];
  if (serve === undefined) {
    session.close({ closeCode: 404, reason: "Not found" });
    continue;
  }
  if (serve === echo) {
    session.datagrams.readable.pipeTo(session.datagrams.writable).catch(ignore);
  }
  serveSession(session, serve).catch(ignore);
}

async function serveSession(session, serve) {
  for await (const stream of session.incomingBidirectionalStreams) {
    serve(stream).catch(ignore);
  }
}

function echo(stream) {
  return stream.readable.pipeTo(stream.writable);
}

async function sink(stream) {
  const reader = stream.readable.getReader();
  let total = 0;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    total += value.byteLength;
  }
  const writer = stream.writable.getWriter();
  await writer.write(new TextEncoder().encode(String(total)));
  await writer.close();
}

async function source(stream) {
  const decoder = new TextDecoder();
  let request = "";
  for await (const chunk of stream.readable) request += decoder.decode(chunk, { stream: true });
  const writer = stream.writable.getWriter();
  for (let remaining = Number(request); remaining > 0; remaining -= CHUNK.byteLength) {
    await writer.write(remaining < CHUNK.byteLength ? CHUNK.subarray(0, remaining) : CHUNK);
  }
  await writer.close();
}

// Sessions and streams end in errors when a client just goes.
function ignore() {}
