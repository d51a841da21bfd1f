// What our benchmark server does, alone and as a worker of a cluster.
const CHUNK = Uint8Array.from({ length: 65_536 }, (_, index) => index & 0xff);

export function addRoutes(app) {
  app.route("/echo", (session) => Promise.all([echoDatagrams(session), serveStreams(session, echo)]));
  app.route("/sink", (session) => serveStreams(session, sink));
  app.route("/source", (session) => serveStreams(session, source));
  // Clients that just go are the load generator's habit.
  app.onError(() => undefined);
}

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
