// The cases with our own client, against the peer application and against other stacks' servers.
import { connect, HttpError, StreamError } from "tswebtransport";

const text = (bytes) => new TextDecoder().decode(bytes);

/** As `runCases` of w3c-cases.mjs. */
export async function runOurClient({ url, hash, names, values, report, timeout = 15_000 }) {
  const value = Buffer.from(hash, "hex");
  const long = "long-session";
  const run = async (name) => {
    const sessions = [];
    const open = async (path, options) => {
      const signal = AbortSignal.timeout(timeout);
      const given = { serverCertificateHashes: [{ algorithm: "sha-256", value }], signal, ...options };
      const session = await connect(url + path, given);
      sessions.push(session);
      return session;
    };
    try {
      const detail = await within(timeout, tests[name](open, values));
      report({ case: name, outcome: "passed", detail: detail ?? "" });
    } catch (error) {
      report({ case: name, outcome: "failed", detail: `${error.name}: ${error.message}` });
    }
    await Promise.all(sessions.map((session) => session.close({ abort: true })));
  };
  const waiting = names.includes(long) ? run(long) : undefined;
  for (const name of names) if (name !== long) await run(name);
  await waiting;
}

const tests = {
  "bidi-echo": async (open) => {
    equal(await exchange(await open("/echo"), "hello"), "hello");
  },
  "uni-echo": async (open) => {
    const session = await open("/echo");
    await (await session.createUnidirectionalStream()).writeAll("one way");
    equal(text(await (await session.incomingUnidirectionalStreams.next()).readAll()), "one way");
  },
  "datagram-echo": async (open) => {
    const session = await open("/echo");
    await session.datagrams.send("ping");
    equal(text(await session.datagrams.receive()), "ping");
  },
  "many-streams": async (open) => {
    const session = await open("/echo");
    const texts = Array.from({ length: 50 }, (_, index) => `stream ${index}`);
    equal((await Promise.all(texts.map((data) => exchange(session, data)))).join(), texts.join());
  },
  upload: async (open, { largeBytes }) => {
    equal(await exchange(await open("/sink"), new Uint8Array(largeBytes).fill(7)), String(largeBytes));
  },
  download: async (open, { largeBytes }) => {
    const stream = await (await open("/source")).createBidirectionalStream();
    await stream.writeAll(String(largeBytes));
    const answer = await stream.readAll();
    equal(answer.length, largeBytes);
    equal(
      answer.findIndex((byte, index) => byte !== (index & 0xff)),
      -1,
    );
  },
  push: async (open) => {
    const session = await open("/push?n=2");
    const seen = [];
    for (let count = 0; count < 2; count += 1) {
      const stream = await session.incomingBidirectionalStreams.next();
      seen.push(text(await stream.readAll()));
      await stream.writeAll(`reply ${count}`);
      seen.push(text(await (await session.incomingUnidirectionalStreams.next()).readAll()));
      seen.push(text(await session.datagrams.receive()));
    }
    const expected = [0, 1].flatMap((index) => ["bidi", "uni", "datagram"].map((kind) => `server-${kind}-${index}`));
    equal(seen.sort().join(), expected.sort().join());
  },
  "server-close": async (open, { serverCloseCode: code, serverCloseReason: reason }) => {
    const session = await open(`/close?code=${code}&reason=${encodeURIComponent(reason)}`);
    const info = await session.closed;
    equal(JSON.stringify(info), JSON.stringify({ clean: true, code, reason, by: "peer" }));
  },
  "server-fin": async (open) => {
    const info = await (await open("/fin")).closed;
    equal(`${info.clean} ${info.code} ${info.withoutCapsule}`, "true 0 true");
  },
  "client-close": async (open, { closeCode: code, closeReason: reason }) => {
    const session = await open("/echo");
    await exchange(session, "x");
    await session.close({ code, reason });
  },
  "server-reset": async (open, { serverResetCode: code }) => {
    const stream = await (await open(`/reset?code=${code}`)).createBidirectionalStream();
    await stream.write("x");
    const [read, write] = await Promise.all([failure(stream.readClosed), failure(stream.writeClosed)]);
    for (const error of [read, write]) equal(error instanceof StreamError && error.streamErrorCode, code);
  },
  "client-reset": async (open, { resetCode }) => {
    const session = await open("/echo");
    const stream = await session.createBidirectionalStream();
    await stream.write("x");
    await stream.read();
    stream.reset(resetCode);
    await exchange(session, "y");
  },
  "client-stop": async (open, { stopCode }) => {
    const session = await open("/echo");
    const stream = await session.createBidirectionalStream();
    await stream.write("x");
    await stream.read();
    stream.stop(stopCode);
    await exchange(session, "y");
  },
  reject: async (open, { rejectStatus }) => {
    equal(await refusal(open(`/reject?status=${rejectStatus}`)), rejectStatus);
  },
  "not-found": async (open) => {
    equal(await refusal(open("/no-such-path")), 404);
  },
  "several-sessions": async (open) => {
    const first = await open("/echo");
    const { origin } = first.url;
    const sessions = [first];
    for (const path of ["/e2e", "/echo"]) sessions.push(await first.connection.openSession({ url: origin + path }));
    const answers = await Promise.all(sessions.map((session, index) => exchange(session, `s${index}`)));
    equal(answers.join(), "s0,ECHO: s1,s2");
  },
  headers: async (open) => {
    const session = await open("/headers?a=1", { headers: { "x-test": "1" } });
    const headers = JSON.parse(await exchange(session, "?"));
    equal([headers[":method"], headers[":path"], headers["x-test"]].join(), "CONNECT,/headers?a=1,1");
    return headers[":protocol"];
  },
  subprotocol: async (open) => {
    const session = await open("/protocol", { protocols: ["unknown", "bar", "foo.v1"] });
    equal(session.protocol, "bar");
    equal(await exchange(session, "?"), "bar");
  },
  drain: async (open) => {
    const session = await open("/drain");
    await session.draining;
    equal(await exchange(session, "still here"), "still here");
  },
  goaway: async (open) => {
    const session = await open("/goaway");
    equal(await exchange(session, "still here"), "still here");
  },
  "long-session": async (open) => {
    const session = await open("/echo");
    await new Promise((resolve) => setTimeout(resolve, 11_000));
    equal(await exchange(session, "still here"), "still here");
  },
};

async function exchange(session, data) {
  const stream = await session.createBidirectionalStream();
  const [answer] = await Promise.all([stream.readAll(), stream.writeAll(data)]);
  return text(answer);
}

async function refusal(promise) {
  const error = await failure(promise);
  if (error instanceof HttpError) return error.status;
  throw error;
}

async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it should have failed");
}

function equal(actual, expected) {
  if (actual !== expected) throw new Error(`${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`);
}

function within(milliseconds, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no result within ${milliseconds} ms`)), milliseconds);
  });
  promise.catch(() => {});
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
