import { describe, expect, it } from "vitest";

import { connect } from "../../../src/client/connect.ts";
import { EngineError } from "../../../src/engine/engine.ts";
import type { QuicEngine } from "../../../src/engine/engine.ts";
import { CertificateError, ConnectionError, HandshakeError, TimeoutError } from "../../../src/errors/errors.ts";

import { FakeEngine, closed } from "./fake-engine.ts";

describe("connect()", () => {
  it.each([
    ["not a url", "it is not a URL"],
    ["http://localhost/", "needs https:"],
    ["https://localhost/#part", "a fragment is not allowed"],
    ["https://user@localhost/", "credentials are not allowed"],
  ])("refuses %s", async (url, why) => {
    const opening = connect(url, { engine: new FakeEngine() });
    await expect(opening).rejects.toMatchObject({ code: "ERR_WT_CONFIGURATION" });
    await expect(opening).rejects.toThrow(why);
  });

  it("refuses half a client certificate and a hash of the wrong size", async () => {
    const engine = new FakeEngine();
    await expect(connect("https://127.0.0.1/", { engine, cert: "x" })).rejects.toMatchObject({ configKey: "key" });
    const serverCertificateHashes = [{ algorithm: "sha-256", value: new Uint8Array(31) }];
    await expect(connect("https://127.0.0.1/", { engine, serverCertificateHashes })).rejects.toMatchObject({
      configKey: "serverCertificateHashes",
    });
  });

  it("gives the engine address, server name, verification and a loopback socket", async () => {
    const engine = new FakeEngine(closed({ kind: "handshake-timeout" }));
    const value = new Uint8Array(32).fill(1);
    const serverCertificateHashes = [{ algorithm: "sha-256", value }];
    const opening = connect("https://[::1]:4433/", { engine, serverCertificateHashes, maxRetries: 0 });
    await expect(opening).rejects.toBeInstanceOf(TimeoutError);
    expect(engine.connected).toMatchObject({
      address: { host: "::1", port: 4433 },
      serverName: "::1",
      alpn: ["h3"],
      verification: { kind: "hashes", hashes: [value] },
    });
    expect(engine.endpoint).toMatchObject({ host: "::1", port: 0 });
    expect(engine.endpoint?.transport?.preamble).toHaveLength(1);
    expect(engine.closedEndpoints).toBe(1);
  });

  it.each([
    ["a refused certificate", closed({ code: 0x130n }), CertificateError, "ERR_WT_CERTIFICATE_REFUSED"],
    [
      "a hash that fits none",
      closed({ code: 0x131n, reason: "invalid peer certificate: x" }),
      CertificateError,
      "ERR_WT_CERTIFICATE_REFUSED",
    ],
    ["no h3", closed({ by: "peer", code: 0x178n }), HandshakeError, "ERR_WT_HANDSHAKE"],
    ["a full server", closed({ by: "peer", code: 2n }), ConnectionError, "ERR_WT_CONNECTION_FAILED"],
    ["silence", closed({ by: "transport", kind: "idle-timeout" }), ConnectionError, "ERR_WT_CONNECTION_FAILED"],
    ["no common version", closed({ kind: "version-mismatch" }), HandshakeError, "ERR_WT_HANDSHAKE"],
  ])("rejects with a typed error for %s", async (_what, end, type, code) => {
    const engine = new FakeEngine(end);
    const opening = connect("https://127.0.0.1/", { engine, insecure: true, maxRetries: 0 });
    await expect(opening).rejects.toBeInstanceOf(type);
    await expect(opening).rejects.toMatchObject({ code });
    expect(engine.closedEndpoints).toBe(1);
  });

  it("rejects with HttpError for a status that is not 2xx", async () => {
    const engine = new FakeEngine(undefined, (request) => request.reject(404));
    const opening = connect("https://127.0.0.1/", { engine, insecure: true });
    await expect(opening).rejects.toMatchObject({ name: "HttpError", status: 404 });
    expect(engine.closedEndpoints).toBe(1);
  });

  it("rejects with the signal's reason, and with TimeoutError after connectTimeout", async () => {
    const abort = new AbortController();
    const engine = new FakeEngine("never");
    const opening = connect("https://127.0.0.1/", { engine, signal: abort.signal });
    setImmediate(() => abort.abort(new Error("enough")));
    await expect(opening).rejects.toThrow("enough");
    const late = connect("https://127.0.0.1/", { engine, connectTimeout: 1 });
    await expect(late).rejects.toMatchObject({ code: "ERR_WT_TIMEOUT", timeoutDuration: 1 });
    expect(engine.closedEndpoints).toBe(2);
  });

  it("gives a session's reads the configuration's readTimeout", async () => {
    const session = await connect("https://127.0.0.1/", { engine: new FakeEngine(), insecure: true, readTimeout: 1 });
    const stream = await session.createBidirectionalStream();
    await expect(stream.read()).rejects.toMatchObject({ code: "ERR_WT_TIMEOUT", timeoutDuration: 1 });
    await session.close({ abort: true });
  });

  it("rejects with a typed error when the engine refuses its options", async () => {
    const engine: QuicEngine = {
      name: "refusing",
      createEndpoint: () => Promise.reject(new EngineError("invalid-key", "no key in the PEM")),
    };
    const opening = connect("https://127.0.0.1/", { engine });
    await expect(opening).rejects.toBeInstanceOf(CertificateError);
    await expect(opening).rejects.toThrow(
      "cannot use the certificate, key or authority that was given: no key in the PEM",
    );
  });

  it("closes connection and endpoint with the session", async () => {
    const engine = new FakeEngine();
    const session = await connect("https://127.0.0.1/", { engine, insecure: true });
    expect(session.isReady).toBe(true);
    await session.close({ code: 1, reason: "done" });
    expect(await session.closed).toEqual({ clean: true, code: 1, reason: "done", by: "local" });
    await session.connection.closed;
    await new Promise(setImmediate);
    expect(session.connection.state).toBe("closed");
    expect(engine.closedEndpoints).toBe(1);
  });
});
