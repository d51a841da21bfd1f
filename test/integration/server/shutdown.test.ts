import { afterEach, describe, expect, it } from "vitest";

import { generateSelfSignedCertificate } from "../../../src/certificates/self-signed.ts";
import { connect } from "../../../src/client/connect.ts";
import { ServerApp } from "../../../src/server/app.ts";
import { WebTransportServer } from "../../../src/server/server.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";

const { cert, key, certificateHash } = await generateSelfSignedCertificate({ hostname: "localhost" });

describe("WebTransportServer.close()", () => {
  let server: WebTransportServer;

  async function start(): Promise<string> {
    server = new WebTransportServer({ config: { cert, key, logLevel: "silent" } });
    const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
    return `https://127.0.0.1:${port}/`;
  }

  async function open(url: string): Promise<WebTransportSession> {
    return connect(url, { serverCertificateHashes: [certificateHash], maxRetries: 0 });
  }

  async function nextRequest() {
    for await (const incoming of server.incomingSessions()) return incoming;
    throw new Error("the server has closed");
  }

  afterEach(async () => {
    await server.close({ timeout: 0 });
  });

  it("lets a rejection arrive before the connection goes", async () => {
    const answered = expect(open(await start())).rejects.toMatchObject({ name: "HttpError", status: 403 });
    const incoming = await nextRequest();
    await incoming.reject(403);
    await server.close();
    await answered;
  });

  it("answers a request that nobody has answered with 503", async () => {
    const answered = expect(open(await start())).rejects.toMatchObject({ name: "HttpError", status: 503 });
    await nextRequest();
    await server.close();
    await answered;
  });

  it("asks sessions to drain, delivers what was finished, and then closes them with code and reason", async () => {
    const opening = open(await start());
    const session = await (await nextRequest()).accept();
    const client = await opening;
    const finished = await session.createUnidirectionalStream();
    void finished.writeAll(new Uint8Array(3_000_000));
    const closing = server.close({ timeout: 1, code: 7, reason: "restart" });
    await client.draining;
    const stream = await client.incomingUnidirectionalStreams.next();
    expect((await stream?.readAll())?.byteLength).toBe(3_000_000);
    await closing;
    expect(await client.closed).toEqual({ clean: true, code: 7, reason: "restart", by: "peer" });
  });

  it("ends its waiting at a second call with time-out 0", async () => {
    const opening = open(await start());
    await (await nextRequest()).accept();
    const client = await opening;
    const closing = server.close({ timeout: 600_000 });
    await client.draining;
    await server.close({ timeout: 0 });
    await closing;
    expect(server.isServing).toBe(false);
    expect((await client.closed).by).toBe("peer");
  });
});

describe("ServerApp.close()", () => {
  it("ends its waiting at a second call with time-out 0, and still runs the shutdown hooks", async () => {
    const app = new ServerApp({ config: { cert, key, logLevel: "silent" } });
    const hooks: string[] = [];
    app.onShutdown(() => hooks.push("shutdown"));
    app.route("/", (session) => session.closed);
    const { port } = await app.listen({ host: "127.0.0.1", port: 0 });
    const client = await connect(`https://127.0.0.1:${port}/`, { serverCertificateHashes: [certificateHash] });
    const closing = app.close({ timeout: 600_000 });
    await client.draining;
    await app.close({ timeout: 0 });
    await closing;
    expect(hooks).toEqual(["shutdown"]);
    expect((await client.closed).by).toBe("peer");
  });
});
