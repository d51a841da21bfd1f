import { afterEach, describe, expect, it } from "vitest";

import { connect } from "../../../src/client/connect.ts";
import { generateSelfSignedCertificate } from "../../../src/certificates/self-signed.ts";
import type { ServerApp } from "../../../src/server/app.ts";
import {
  createDevelopmentServer,
  createEchoServerApp,
  createSimpleApp,
} from "../../../src/server/development/development-server.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";

import { echoed, turnsUntil } from "../end-to-end/local-server.ts";

const certificate = await generateSelfSignedCertificate();
const config = { cert: certificate.cert, key: certificate.key, logLevel: "silent", bindPort: 0 } as const;
const text = (bytes: Uint8Array | null | undefined): string => new TextDecoder().decode(bytes ?? new Uint8Array());

describe("apps that are ready made, over UDP", () => {
  let app: ServerApp;

  afterEach(async () => {
    await app.close({ timeout: 0 });
    expect(app.server.getServerStats()).toMatchObject({
      sessions: 0,
      streams: 0,
      connections: 0,
      engineConnections: 0,
    });
  });

  async function dial(path: string, hash = certificate.certificateHash): Promise<WebTransportSession> {
    const { port } = app.server.localAddress ?? {};
    return connect(`https://127.0.0.1:${port}${path}`, { serverCertificateHashes: [hash], maxRetries: 0 });
  }

  it("createEchoServerApp() echoes everything at its root, unchanged", async () => {
    app = createEchoServerApp({ config });
    await app.listen({ host: "127.0.0.1" });
    const session = await dial("/");
    expect(await Promise.all(["one", "two", ""].map((each) => echoed(session, each)))).toEqual(["one", "two", ""]);
    const outgoing = await session.createUnidirectionalStream();
    await outgoing.writeAll("a".repeat(200_000));
    for await (const incoming of session.incomingUnidirectionalStreams) {
      expect(text(await incoming.readAll())).toBe("a".repeat(200_000));
      break;
    }
    for (const sent of ["ping", ""]) {
      await session.datagrams.send(sent);
      expect(text(await session.datagrams.receive())).toBe(sent);
    }
    await session.close();
    await expect(dial("/echo")).rejects.toMatchObject({ status: 404 });
  });

  it("an echo goes on when one of its streams is reset, and ends with its session", async () => {
    app = createEchoServerApp({ config });
    await app.listen({ host: "127.0.0.1" });
    const session = await dial("/");
    const broken = await session.createBidirectionalStream();
    await broken.write("x");
    broken.reset(7);
    await expect(broken.readAll()).rejects.toMatchObject({ name: "StreamError" });
    expect(await echoed(session, "goes on")).toBe("goes on");
    await session.close({ code: 5 });
    await turnsUntil(() => app.server.getServerStats().sessions === 0);
  });

  it("createSimpleApp() tells its health in one datagram and ends the session, and echoes", async () => {
    app = createSimpleApp({ config });
    await app.listen({ host: "127.0.0.1" });
    const session = await dial("/health");
    const status: unknown = JSON.parse(text(await session.datagrams.receive()));
    expect(status).toEqual({
      status: "healthy",
      timestamp: expect.any(Number) as unknown,
      uptime: expect.any(Number) as unknown,
    });
    expect(await session.datagrams.receive()).toBeNull();
    expect(await session.closed).toEqual({ clean: true, by: "peer", code: 0, reason: "" });
    const echo = await dial("/echo");
    expect(await echoed(echo, "hello")).toBe("hello");
    await echo.close();
    expect(app.routes().map(({ path }) => path)).toEqual(["/health", "/echo"]);
  });

  it("createDevelopmentServer() makes a certificate, and a page that tells address and hash", async () => {
    const development = createDevelopmentServer({
      host: "127.0.0.1",
      port: 0,
      pagePort: 0,
      config: { logLevel: "silent", middleware: [({ path }) => path !== "/secret"] },
    });
    app = development;
    development.route("/echo", (session) => session.close({ reason: "found" }));
    await development.listen();
    expect(development.url).toBe(`https://127.0.0.1:${development.server.localAddress?.port}/echo`);
    const info = await fetch(new URL("server.json", development.pageUrl));
    expect(await info.json()).toMatchObject({ url: development.url, certificateHash: development.certificateHash });
    const hash = {
      algorithm: "sha-256",
      value: Uint8Array.from(Buffer.from(development.certificateHash ?? "", "hex")),
    };
    expect(await (await dial("/echo", hash as typeof certificate.certificateHash)).closed).toMatchObject({
      reason: "found",
    });
    await expect(dial("/secret", hash as typeof certificate.certificateHash)).rejects.toMatchObject({ status: 403 });
    const issues = await development.server.diagnoseIssues();
    expect(issues.filter((issue) => !issue.includes("UDP"))).toEqual([]);
    const { pageUrl } = development;
    await development.close();
    await expect(fetch(pageUrl ?? "")).rejects.toThrow();
  });

  it("createDevelopmentServer({ generateCerts: false }) serves the configuration's certificate", async () => {
    const development = createDevelopmentServer({
      host: "127.0.0.1",
      port: 0,
      pagePort: 0,
      generateCerts: false,
      config,
    });
    app = development;
    development.route("/", (session) => session.close());
    await development.listen();
    expect(development.certificateHash).toBeUndefined();
    expect(await (await dial("/")).closed).toMatchObject({ clean: true, code: 0 });
  });

  it("closes when the signal that serve() was given aborts, also before it listens", async () => {
    app = createSimpleApp({ config });
    const abort = new AbortController();
    const served = app.serve({ host: "127.0.0.1", signal: abort.signal });
    await turnsUntil(() => app.server.isServing);
    const session = await dial("/echo");
    abort.abort();
    await session.draining;
    await session.close();
    await served;
    expect(app.server.isServing).toBe(false);
    const late = createSimpleApp({ config });
    const second = new AbortController();
    const ended = late.serve({ host: "127.0.0.1", signal: second.signal });
    second.abort();
    await ended;
    await expect(late.serve({ signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
  });
});
