import { afterEach, describe, expect, it } from "vitest";

import { generateSelfSignedCertificate } from "../../../src/certificates/self-signed.ts";
import { connect } from "../../../src/client/index.ts";
import type { ClientOptions } from "../../../src/client/index.ts";
import { WebTransportServer } from "../../../src/server/server.ts";
import type { IncomingSession } from "../../../src/transport/session/request.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";
import { memoryEngine } from "../../../src/testing/index.ts";

describe("maxSessions of a server whose application takes its time to answer", () => {
  const engine = memoryEngine();
  const identity = generateSelfSignedCertificate();
  const refused = { name: "HttpError", status: 429 };
  let server: WebTransportServer;

  afterEach(async () => {
    await server.close({ timeout: 0 });
  });

  async function start(maxSessions: number): Promise<void> {
    server = new WebTransportServer({
      config: { logLevel: "silent", maxSessions },
      engine,
      certificate: () => identity,
    });
    await server.listen({ host: "127.0.0.1", port: 4433 });
  }

  async function open(options: ClientOptions = {}): Promise<WebTransportSession> {
    const serverCertificateHashes = [(await identity).certificateHash];
    return connect("https://127.0.0.1:4433/", { engine, serverCertificateHashes, maxRetries: 0, ...options });
  }

  async function nextRequest(): Promise<IncomingSession> {
    for await (const incoming of server.incomingSessions()) return incoming;
    throw new Error("the server has closed");
  }

  it("counts the requests that wait", async () => {
    await start(2);
    const [first, second] = [open(), open()];
    const requests = [await nextRequest(), await nextRequest()];
    await expect(open()).rejects.toMatchObject(refused);
    for (const request of requests) await request.accept();
    await Promise.all([first, second]);
    expect(server.sessions).toHaveLength(2);
    await expect(open()).rejects.toMatchObject(refused);
  });

  it("has room again when a request was rejected, its session has ended or its client has gone", async () => {
    await start(1);
    const rejected = expect(open()).rejects.toMatchObject({ status: 403 });
    await (await nextRequest()).reject(403);
    await rejected;

    const opening = open();
    const accepted = await (await nextRequest()).accept();
    await (await opening).close();
    await accepted.closed;

    const abort = new AbortController();
    const given = expect(open({ signal: abort.signal })).rejects.toThrow("enough");
    const request = await nextRequest();
    const gone = new Promise((resolve) => {
      request.signal.addEventListener("abort", resolve);
    });
    abort.abort(new Error("enough"));
    await Promise.all([given, gone]);

    const last = open();
    await (await nextRequest()).accept();
    await (await last).close();
  });
});
