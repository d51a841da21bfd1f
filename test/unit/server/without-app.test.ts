import { describe, expect, it } from "vitest";

import { generateSelfSignedCertificate } from "../../../src/certificates/self-signed.ts";
import { connect } from "../../../src/client/index.ts";
import { WebTransportServer } from "../../../src/server/server.ts";
import { memoryEngine } from "../../../src/testing/index.ts";
import type { IncomingSession } from "../../../src/transport/session/request.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";

import { recorder } from "./log-recorder.ts";
import type { Line } from "./log-recorder.ts";

describe("a server without ServerApp", () => {
  const engine = memoryEngine();
  const identity = generateSelfSignedCertificate();

  it("keeps the same account, and asks the same questions before the application is asked", async () => {
    const lines: Line[] = [];
    const config = { logger: recorder(lines), allowedOrigins: ["https://example.com"] };
    const server = new WebTransportServer({ config, engine, certificate: () => identity });
    await server.listen({ host: "127.0.0.1", port: 4433 });
    const { certificateHash } = await identity;
    const dial = (headers: Record<string, string>, signal?: AbortSignal): Promise<WebTransportSession> =>
      connect("https://127.0.0.1:4433/x", {
        engine,
        serverCertificateHashes: [certificateHash],
        maxRetries: 0,
        headers,
        ...(signal && { signal }),
      });
    const origin = "https://example.com";
    await expect(dial({ origin: "https://other.example" })).rejects.toMatchObject({ status: 403 });
    const abort = new AbortController();
    const given = dial({ origin }, abort.signal).catch(() => "given up");
    const requests = server.incomingSessions()[Symbol.asyncIterator]();
    const request = (await requests.next()).value as IncomingSession;
    expect(server.getServerStats().requests).toBe(1);
    const gone = new Promise((resolve) => {
      request.signal.addEventListener("abort", resolve);
    });
    abort.abort(new Error("enough"));
    await Promise.all([given, gone]);
    const refused = dial({ origin });
    const second = (await requests.next()).value as IncomingSession;
    await second.reject(404, { kind: "route", reason: "there is no such room" });
    await expect(refused).rejects.toMatchObject({ status: 404 });
    expect(second.rejection).toMatchObject({ status: 404, kind: "route", reason: "there is no such room" });
    expect(lines.map(([level, message]) => `${level} ${message}`)).toEqual([
      "warn 403: origin https://other.example is not in allowedOrigins",
      "info abandoned: the client has gone before it was answered",
      "warn 404: there is no such room",
    ]);
    expect(server.getServerStats()).toMatchObject({
      requests: 0,
      sessionsRequested: 3,
      sessionsAbandoned: 1,
      refusals: { origin: 1, route: 1 },
    });
    await server.close({ timeout: 0 });
  });

  it("counts handshakes that fail", async () => {
    const server = new WebTransportServer({ config: { logLevel: "silent" }, engine, certificate: () => identity });
    await server.listen({ host: "127.0.0.1", port: 4434 });
    const untrusted = connect("https://127.0.0.1:4434/", {
      engine,
      serverCertificateHashes: [{ algorithm: "sha-256", value: new Uint8Array(32) }],
      maxRetries: 0,
    });
    await expect(untrusted).rejects.toMatchObject({ name: "CertificateError" });
    await engine.clock.settle();
    expect(server.getServerStats()).toMatchObject({
      connectionsAccepted: 0,
      handshakeFailures: 1,
      connectionsRejected: 1,
      connectionRejections: { certificate_rejected: 1, client_gone: 0 },
      pendingHandshakes: 0,
    });
    await server.close({ timeout: 0 });
  });
});
