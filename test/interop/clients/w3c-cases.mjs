// The cases for clients with the W3C interface: browsers, and classes of that shape.

const text = (bytes) => new TextDecoder().decode(bytes);
const bytes = (string) => new TextEncoder().encode(string);

/**
 * Runs the cases one after the other. `open(path, options)` makes a WebTransport; `values` are those of cases.mjs.
 * `report(line)` gets `{ case, outcome: "passed" | "failed" | "unsupported", detail }`.
 */
export async function runCases({ open, values, names, report, timeout = 15_000, unsupported = {}, shows = {} }) {
  const long = "long-session";
  const run = (name) => runCase({ name, open, values, report, timeout, unsupported, shows });
  // It only waits: beside the others.
  const waiting = names.includes(long) ? run(long) : undefined;
  for (const name of names) if (name !== long) await run(name);
  await waiting;
}

async function runCase({ name, open, values, report, timeout, unsupported, shows }) {
  if (unsupported[name] !== undefined) {
    report({ case: name, outcome: "unsupported", detail: unsupported[name] });
    return;
  }
  const opened = [];
  const context = {
    values,
    shows,
    open: (path, options) => {
      const transport = open(path, options);
      opened.push(transport);
      for (const promise of [transport.ready, transport.closed, transport.draining]) promise?.catch(() => {});
      return transport;
    },
  };
  try {
    const detail = await within(timeout, tests[name](context));
    report({ case: name, outcome: "passed", detail: detail ?? "" });
  } catch (error) {
    report({ case: name, outcome: "failed", detail: describe(error) });
  }
  for (const transport of opened) {
    try {
      transport.close();
    } catch {
      // It is closed already.
    }
  }
}

const tests = {
  "bidi-echo": async ({ open }) => {
    const transport = await ready(open("/echo"));
    equal(text(await exchange(transport, bytes("hello"))), "hello");
  },
  "uni-echo": async ({ open }) => {
    const transport = await ready(open("/echo"));
    await send(await transport.createUnidirectionalStream(), bytes("one way"));
    equal(text(await readAll(await next(transport.incomingUnidirectionalStreams))), "one way");
  },
  "datagram-echo": async ({ open }) => {
    const transport = await ready(open("/echo"));
    equal(text(await datagramExchange(transport, bytes("ping"))), "ping");
  },
  "many-streams": async ({ open }) => {
    const transport = await ready(open("/echo"));
    const answers = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => text(await exchange(transport, bytes(`stream ${index}`)))),
    );
    answers.forEach((answer, index) => equal(answer, `stream ${index}`));
  },
  upload: async ({ open, values }) => {
    const transport = await ready(open("/sink"));
    equal(text(await exchange(transport, new Uint8Array(values.largeBytes).fill(7))), String(values.largeBytes));
  },
  download: async ({ open, values }) => {
    const transport = await ready(open("/source"));
    const answer = await exchange(transport, bytes(String(values.largeBytes)));
    equal(answer.byteLength, values.largeBytes);
    equal(
      answer.findIndex((byte, index) => byte !== (index & 0xff)),
      -1,
    );
  },
  push: async ({ open }) => {
    const transport = open("/push?n=2");
    // Asked for before it can come: a browser keeps hardly any unread datagrams.
    const datagram = transport.datagrams.readable.getReader().read();
    await ready(transport);
    const bidirectional = transport.incomingBidirectionalStreams.getReader();
    const unidirectional = transport.incomingUnidirectionalStreams.getReader();
    const seen = [];
    for (let count = 0; count < 2; count += 1) {
      const { value: stream } = await bidirectional.read();
      seen.push(text(await readAll(stream.readable)));
      await send(stream.writable, bytes(`reply ${count}`));
      seen.push(text(await readAll((await unidirectional.read()).value)));
    }
    equal(seen.sort().join(), "server-bidi-0,server-bidi-1,server-uni-0,server-uni-1");
    equal(text((await datagram).value).replace(/[01]$/, ""), "server-datagram-");
  },
  "server-close": async ({ open, values }) => {
    const { serverCloseCode: code, serverCloseReason: reason } = values;
    const transport = await ready(open(`/close?code=${code}&reason=${encodeURIComponent(reason)}`));
    const info = await transport.closed;
    equal(info.closeCode, code);
    equal(info.reason, reason);
  },
  "server-fin": async ({ open }) => {
    const transport = await ready(open("/fin?delay=200"));
    const info = await transport.closed;
    equal(info?.closeCode ?? 0, 0);
  },
  "client-close": async ({ open, values }) => {
    const transport = await ready(open("/echo"));
    await exchange(transport, bytes("x"));
    transport.close({ closeCode: values.closeCode, reason: values.closeReason });
    await transport.closed;
  },
  "server-reset": async ({ open, values }) => {
    const code = values.serverResetCode;
    const transport = await ready(open(`/reset?code=${code}`));
    const { readable, writable } = await transport.createBidirectionalStream();
    const writer = writable.getWriter();
    await writer.write(bytes("x"));
    const readError = await failure(readable.getReader().read());
    // Some tell of STOP_SENDING at the next write only, or never.
    const stopped = failure(writer.closed);
    writeUntilFailure(writer).catch(() => {});
    const writeError = await Promise.race([stopped, pause(1000)]);
    const codes = [readError?.streamErrorCode, writeError?.streamErrorCode];
    if (codes.every((seen) => seen === code)) return "";
    const half = codes.indexOf(code);
    if (half < 0) equal(codes.join(), String(code));
    return half === 0 ? "seen on the readable half only" : "seen on the writable half only";
  },
  "client-reset": async ({ open, values, shows }) => {
    const transport = await ready(open("/echo"));
    const { readable, writable } = await transport.createBidirectionalStream();
    const writer = writable.getWriter();
    await writer.write(bytes("x"));
    await readable.getReader().read();
    await writer.abort(shows.makeError(values.resetCode));
    await exchange(transport, bytes("y"));
  },
  "client-stop": async ({ open, values, shows }) => {
    const transport = await ready(open("/echo"));
    const { readable, writable } = await transport.createBidirectionalStream();
    await writable.getWriter().write(bytes("x"));
    const reader = readable.getReader();
    await reader.read();
    await reader.cancel(shows.makeError(values.stopCode));
    await exchange(transport, bytes("y"));
  },
  reject: async ({ open, values }) => {
    const transport = open(`/reject?status=${values.rejectStatus}`);
    const error = await failure(transport.ready);
    return `${error.name}: ${error.message}`;
  },
  "not-found": async ({ open }) => {
    const error = await failure(open("/no-such-path").ready);
    return `${error.name}: ${error.message}`;
  },
  "several-sessions": async ({ open }) => {
    const options = { allowPooling: true };
    const transports = [open("/echo", options), open("/e2e", options), open("/echo", options)];
    const answers = await Promise.all(
      transports.map(async (transport, index) => text(await exchange(await ready(transport), bytes(`s${index}`)))),
    );
    equal(answers.join(), "s0,ECHO: s1,s2");
  },
  headers: async ({ open, shows }) => {
    const transport = await ready(open("/headers?a=1"));
    const headers = JSON.parse(text(await exchange(transport, bytes("?"))));
    equal(headers[":method"], "CONNECT");
    equal(headers[":path"], "/headers?a=1");
    if (shows.origin !== undefined) equal(headers["origin"], shows.origin);
    return headers[":protocol"];
  },
  subprotocol: async ({ open, shows }) => {
    const transport = await ready(open("/protocol", { protocols: ["unknown", "bar", "foo.v1"] }));
    equal(text(await exchange(transport, bytes("?"))), "bar");
    if (shows.protocol !== false) equal(transport.protocol, "bar");
  },
  drain: async ({ open }) => {
    const transport = await ready(open("/drain"));
    if (transport.draining !== undefined) await transport.draining;
    equal(text(await exchange(transport, bytes("still here"))), "still here");
    return transport.draining === undefined ? "no `draining`, the session lives on" : "";
  },
  goaway: async ({ open }) => {
    // Chromium opens no streams after a GOAWAY: what is open must live on.
    const transport = await ready(open("/goaway?delay=300"));
    const { readable, writable } = await transport.createBidirectionalStream();
    const writer = writable.getWriter();
    await writer.write(bytes("before "));
    await pause(600);
    await writer.write(bytes("after"));
    await writer.close();
    equal(text(await readAll(readable)), "before after");
  },
  "long-session": async ({ open }) => {
    const transport = await ready(open("/echo"));
    await pause(11_000);
    equal(text(await exchange(transport, bytes("still here"))), "still here");
  },
  "uni-bursts": async ({ open }) => {
    await sendBursts(await ready(open("/sink")), 500, 50);
  },
  "uni-at-once": async ({ open }) => {
    await sendBursts(await ready(open("/sink")), 70, 70);
  },
  "reset-and-stop": async ({ open, values }) => {
    const code = values.serverResetCode;
    const transport = await ready(open(`/reset?code=${code}`));
    // Often: which of both ends a browser sees first is a matter of milliseconds.
    for (let round = 0; round < 10; round += 1) {
      const { readable, writable } = await transport.createBidirectionalStream();
      const writer = writable.getWriter();
      const stopped = failure(writer.closed);
      await writer.write(bytes("x"));
      await failure(readable.getReader().read());
      writeUntilFailure(writer).catch(() => {});
      equal((await Promise.race([stopped, pause(1000)]))?.streamErrorCode, code);
    }
  },
};

async function ready(transport) {
  await transport.ready;
  return transport;
}

async function exchange(transport, data) {
  const { readable, writable } = await transport.createBidirectionalStream();
  const [answer] = await Promise.all([readAll(readable), send(writable, data)]);
  return answer;
}

/** Opens and sends `total` unidirectional streams, `size` of them at once; the server answers each with its length. */
async function sendBursts(transport, total, size) {
  const answered = countAnswers(transport, total);
  answered.catch(() => {});
  const sendOne = async () => send(await transport.createUnidirectionalStream(), bytes("one of many"));
  for (let sent = 0; sent < total; sent += size) await Promise.all(Array.from({ length: size }, sendOne));
  await answered;
}

async function countAnswers(transport, total) {
  const reader = transport.incomingUnidirectionalStreams.getReader();
  for (let count = 0; count < total; count += 1) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`the session has ended after ${count} answers`);
    equal(text(await readAll(value)), String("one of many".length));
  }
}

async function send(writable, data) {
  const writer = writable.getWriter();
  await writer.write(data);
  await writer.close();
}

async function readAll(readable) {
  const reader = readable.getReader();
  const chunks = [];
  let length = 0;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    chunks.push(value);
    length += value.byteLength;
  }
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}

async function next(readable) {
  const reader = readable.getReader();
  const { value, done } = await reader.read();
  reader.releaseLock();
  if (done) throw new Error("the session has ended before the stream came");
  return value;
}

/** Datagrams may be lost: sent again until the answer comes. */
async function datagramExchange(transport, data) {
  const { datagrams } = transport;
  const writer = (datagrams.createWritable?.() ?? datagrams.writable).getWriter();
  const reader = datagrams.readable.getReader();
  const again = setInterval(() => writer.write(data).catch(() => {}), 500);
  try {
    await writer.write(data);
    return (await reader.read()).value;
  } finally {
    clearInterval(again);
  }
}

async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it should have failed");
}

async function writeUntilFailure(writer) {
  for (;;) {
    await pause(50);
    await writer.write(bytes("more"));
  }
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function equal(actual, expected) {
  if (actual !== expected) throw new Error(`${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
}

function describe(error) {
  return error instanceof Error || error?.message !== undefined ? `${error.name}: ${error.message}` : String(error);
}

function within(milliseconds, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no result within ${milliseconds} ms`)), milliseconds);
  });
  promise.catch(() => {});
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
