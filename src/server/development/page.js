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
const RETRY_INTERVAL = 500;

let transport;
/** The start of the server that the session belongs to. */
let instance;
/** Ends the waiting for a server that restarts. */
let stopWaiting = () => {};
const roundTrips = [];

/** `kind` is shown, too: colours alone tell nothing to those who do not see them. */
function log(kind, text) {
  const item = document.createElement("li");
  item.dataset.kind = kind;
  const parts = { time: new Date().toLocaleTimeString(), b: kind, span: text };
  for (const [name, content] of Object.entries(parts)) {
    const part = document.createElement(name);
    part.textContent = content;
    item.append(part);
  }
  const list = element("log");
  list.append(item);
  while (list.childElementCount > LINES_KEPT) list.firstElementChild.remove();
  const view = element("log-view");
  view.scrollTop = view.scrollHeight;
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
  stopWaiting();
  show("connecting", "Connecting …");
  const url = element("url").value;
  let session;
  try {
    // Each start of the server has a certificate of its own.
    const server = await fetchServerInfo();
    instance = server.instance;
    const { certificateHash } = server;
    const value = Uint8Array.from(certificateHash.match(/../g), (byte) => Number.parseInt(byte, 16));
    session = new WebTransport(url, { serverCertificateHashes: [{ algorithm: "sha-256", value }] });
  } catch (error) {
    show("failed", "Failed");
    log("error", error.message);
    return;
  }
  transport = session;
  roundTrips.length = 0;
  session.closed.then(
    ({ closeCode, reason }) => ended(session, "closed", `Closed (code ${closeCode}${reason ? `, ${reason}` : ""})`),
    (error) => ended(session, "failed", "Failed", error.message),
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
  log("info", `connected to ${url}`);
  void readDatagrams(session).catch(() => {});
  void readStreams(session).catch(() => {});
  void ping(session).catch(() => {});
}

function ended(session, state, text, details = text) {
  if (session !== transport) return;
  const wasConnected = element("state").dataset.state === "connected";
  show(state, text);
  log(state === "failed" ? "error" : "info", details);
  if (wasConnected && !session.isClosedHere) void waitForRestart();
}

/** Connects again when the server has restarted. A session that ends while its server lives on has come to its own end. */
async function waitForRestart() {
  const waiting = new AbortController();
  stopWaiting = () => waiting.abort();
  for (let problem; ;) {
    await new Promise((resolve) => setTimeout(resolve, RETRY_INTERVAL));
    if (waiting.signal.aborted) return;
    const server = await fetchJson("/server.json", waiting.signal);
    if (waiting.signal.aborted) return;
    if (server?.state === "serving") {
      if (server.instance === instance) return;
      log("info", "the server has restarted");
      await connect();
      return;
    }
    if (server?.problem !== undefined && server.problem !== problem) log("error", server.problem);
    problem = server?.problem;
  }
}

/** Undefined when nobody answers. */
async function fetchJson(path, signal) {
  try {
    return await (await fetch(path, { signal })).json();
  } catch {
    return undefined;
  }
}

function closeSession(session, reason) {
  session.isClosedHere = true;
  session.close({ closeCode: 0, reason });
}

async function fetchServerInfo() {
  const server = await fetchJson("/server.json");
  if (server === undefined) throw new Error("the development server does not answer: does it still run?");
  element("hash").textContent = server.certificateHash;
  const addresses = server.paths.map((path) => {
    const option = document.createElement("option");
    option.value = new URL(path, server.url).href;
    return option;
  });
  element("addresses").replaceChildren(...addresses);
  return server;
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
  const sorted = roundTrips.toSorted((a, b) => a - b);
  const most = sorted.at(-1);
  const top = roundUp(most);
  // The newest is at the right edge; the lines at 110, 60 and 10 are 0, half and all of the scale.
  const points = roundTrips.map((value, index) => {
    const x = 600 - (600 * (roundTrips.length - 1 - index)) / (PINGS_SHOWN - 1);
    return `${x.toFixed(1)},${(110 - (100 * value) / top).toFixed(1)}`;
  });
  const [begin] = points[0].split(",");
  element("line").setAttribute("d", `M${points.join("L")}`);
  element("area").setAttribute("d", `M${begin},110L${points.join("L")}L600,110Z`);
  element("scale").textContent = `${top} ms`;
  element("rtt").value = milliseconds(roundTrip);
  const median = sorted[sorted.length >> 1];
  const figures = [`least ${milliseconds(sorted[0])}`, `median ${milliseconds(median)}`, `most ${milliseconds(most)}`];
  element("rtt-summary").textContent = `Datagrams of the last 30 seconds: ${figures.join(", ")}`;
}

function milliseconds(value) {
  return `${value.toFixed(1)} ms`;
}

/** The next of 1, 2, 5, 10, 20, 50 …: a scale that jumps seldom. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 0.1)));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
}

function onSend(target, type, how, send) {
  element(target).addEventListener(type, (event) => {
    event.preventDefault();
    if (element("state").dataset.state !== "connected") return;
    const text = element("text").value;
    log("sent", `${how}: ${text}`);
    send(text).catch((error) => log("error", `${how}: ${error.message}`));
  });
}

onSend("send-form", "submit", "bidirectional stream", sendOverBidirectionalStream);
onSend("send-uni", "click", "unidirectional stream", sendOverUnidirectionalStream);
onSend("send-datagram", "click", "datagram", sendOverDatagram);
element("session-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!element("connect").disabled) void connect();
});
element("close").addEventListener("click", () => closeSession(transport, "the page said goodbye"));
// A page that goes says so: otherwise its session lives on until the server's idle time-out.
window.addEventListener("pagehide", () => transport && closeSession(transport, "the page has gone"));

try {
  element("url").value = (await fetchServerInfo()).url;
} catch (error) {
  log("error", error.message);
}
