// The development server's page: connects by the certificate's hash, sends, and shows what comes back.
const element = (id) => document.getElementById(id);
const senders = ["send-bidi", "send-uni", "send-datagram"].map(element);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A datagram that begins with this byte is a ping of the plot; no text begins with it. */
const PING = 0;
const PING_INTERVAL = 500;
const PINGS_SHOWN = 60;
const LINES_KEPT = 200;

let transport;
let certificateHash;
const roundTrips = [];

function log(kind, text) {
  const item = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = new Date().toLocaleTimeString();
  item.dataset.kind = kind;
  item.append(time, text);
  const list = element("log");
  list.append(item);
  while (list.childElementCount > LINES_KEPT) list.firstElementChild.remove();
  list.scrollTop = list.scrollHeight;
}

function show(state, text) {
  element("state").dataset.state = state;
  element("state").textContent = text;
  const connected = state === "connected";
  element("connect").disabled = connected || state === "connecting";
  element("close").disabled = !connected;
  for (const button of senders) button.disabled = !connected;
}

async function connect() {
  if (!("WebTransport" in window)) {
    show("failed", "This browser has no WebTransport");
    return;
  }
  show("connecting", "Connecting …");
  const session = new WebTransport(element("url").value, {
    serverCertificateHashes: [{ algorithm: "sha-256", value: certificateHash }],
  });
  transport = session;
  session.closed.then(
    ({ closeCode, reason }) => ended(session, "closed", `Closed (code ${closeCode}${reason ? `, ${reason}` : ""})`),
    (error) => ended(session, "failed", `Failed: ${error.message}`),
  );
  try {
    await session.ready;
  } catch {
    return; // `closed` tells.
  }
  // A server that shuts down asks its clients to come to an end; not every browser tells.
  session.draining?.then(
    () => session === transport && session.close({ closeCode: 0, reason: "the server is going" }),
    () => {},
  );
  show("connected", "Connected");
  log("info", `connected to ${element("url").value}`);
  void readDatagrams(session).catch(() => {});
  void readStreams(session).catch(() => {});
  void ping(session).catch(() => {});
}

function ended(session, state, text) {
  if (session !== transport) return;
  show(state, text);
  log(state === "failed" ? "error" : "info", text);
}

async function readText(readable) {
  let text = "";
  for (const reader = readable.pipeThrough(new TextDecoderStream()).getReader(); ;) {
    const { value, done } = await reader.read();
    if (done) return text;
    text += value;
  }
}

async function write(writable, text) {
  const writer = writable.getWriter();
  await writer.write(encoder.encode(text));
  await writer.close();
}

async function sendOverBidirectionalStream(text) {
  const stream = await transport.createBidirectionalStream();
  const [echo] = await Promise.all([readText(stream.readable), write(stream.writable, text)]);
  log("echo", `bidirectional stream: ${echo}`);
}

async function sendOverUnidirectionalStream(text) {
  await write(await transport.createUnidirectionalStream(), text);
}

async function sendOverDatagram(text) {
  await sendDatagram(transport, encoder.encode(text));
}

/** Browsers are moving from the `writable` attribute to `createWritable()`. */
async function sendDatagram(session, bytes) {
  const { datagrams } = session;
  const writer = (datagrams.writable ?? datagrams.createWritable()).getWriter();
  await writer.write(bytes);
  writer.releaseLock();
}

async function readStreams(session) {
  for (const reader = session.incomingUnidirectionalStreams.getReader(); ;) {
    const { value: stream, done } = await reader.read();
    if (done) return;
    readText(stream).then(
      (text) => log("echo", `unidirectional stream: ${text}`),
      (error) => log("error", error.message),
    );
  }
}

async function readDatagrams(session) {
  for (const reader = session.datagrams.readable.getReader(); ;) {
    const { value, done } = await reader.read();
    if (done) return;
    if (value[0] === PING) {
      plot(performance.now() - new DataView(value.buffer, value.byteOffset).getFloat64(1));
    } else {
      log("echo", `datagram: ${decoder.decode(value)}`);
    }
  }
}

async function ping(session) {
  while (session === transport && element("state").dataset.state === "connected") {
    const bytes = new Uint8Array(9);
    bytes[0] = PING;
    new DataView(bytes.buffer).setFloat64(1, performance.now());
    await sendDatagram(session, bytes);
    await new Promise((resolve) => setTimeout(resolve, PING_INTERVAL));
  }
}

function plot(roundTrip) {
  roundTrips.push(roundTrip);
  if (roundTrips.length > PINGS_SHOWN) roundTrips.shift();
  const most = Math.max(...roundTrips);
  const points = roundTrips.map((value, index) => {
    const x = (600 * index) / (PINGS_SHOWN - 1);
    return `${x.toFixed(1)},${(115 - (105 * value) / most).toFixed(1)}`;
  });
  const end = ((600 * (points.length - 1)) / (PINGS_SHOWN - 1)).toFixed(1);
  element("line").setAttribute("d", `M${points.join("L")}`);
  element("area").setAttribute("d", `M0,120L${points.join("L")}L${end},120Z`);
  element("rtt").value = `${roundTrip.toFixed(1)} ms`;
  element("least").textContent = `least ${Math.min(...roundTrips).toFixed(1)} ms`;
  element("most").textContent = `most ${most.toFixed(1)} ms`;
}

function onSend(id, how, send) {
  element(id).addEventListener("click", () => {
    const text = element("text").value;
    log("sent", `${how}: ${text}`);
    send(text).catch((error) => log("error", `${how}: ${error.message}`));
  });
}

onSend("send-bidi", "bidirectional stream", sendOverBidirectionalStream);
onSend("send-uni", "unidirectional stream", sendOverUnidirectionalStream);
onSend("send-datagram", "datagram", sendOverDatagram);
element("connect").addEventListener("click", () => void connect());
element("close").addEventListener("click", () => transport.close({ closeCode: 0, reason: "the page said goodbye" }));

const server = await (await fetch("/server.json")).json();
certificateHash = Uint8Array.from(server.certificateHash.match(/../g), (byte) => Number.parseInt(byte, 16));
element("url").value = server.url;
element("hash").textContent = server.certificateHash;
