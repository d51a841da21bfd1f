import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { generateSelfSignedCertificate } from "../../../src/certificates/self-signed.ts";
import type { SelfSignedCertificate } from "../../../src/certificates/self-signed.ts";
import { connect } from "../../../src/client/index.ts";
import type { ClientOptions } from "../../../src/client/index.ts";
import type { WebTransportError } from "../../../src/errors/errors.ts";
import { WebTransportServer } from "../../../src/server/index.ts";
import type { ServerConfigOptions } from "../../../src/config/server-config.ts";

import { headersFrame, startRawServer, startSilence } from "./raw-server.ts";
import type { RawServer, RawServerOptions } from "./raw-server.ts";

/** The stages, in the order in which a client comes through them. Every failure is told with what to do about it. */
describe("a client that gets no session over UDP", () => {
  let good: SelfSignedCertificate;
  let other: SelfSignedCertificate;
  let long: SelfSignedCertificate;
  const closing: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    [good, other, long] = await Promise.all([
      generateSelfSignedCertificate(),
      generateSelfSignedCertificate({ hostname: "other.example" }),
      generateSelfSignedCertificate({ days: 30 }),
    ]);
  });
  afterEach(async () => {
    await Promise.all(closing.splice(0).map((close) => close()));
  });
  afterAll(() => {
    expect(closing).toEqual([]);
  });

  /** A server that answers each request by its path. */
  async function serve(identity: SelfSignedCertificate, config: ServerConfigOptions = {}): Promise<number> {
    const server = new WebTransportServer({
      config: { cert: identity.cert, key: identity.key, logLevel: "silent", ...config },
    });
    server.handleSessions(async (incoming) => {
      if (incoming.path === "/") await incoming.accept();
      else if (incoming.path === "/moved")
        await incoming.reject(302, { headers: { location: "https://new.example/" } });
      else await incoming.reject(Number(incoming.path.slice(1)));
    });
    closing.push(() => server.close({ timeout: 0 }));
    const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
    return port;
  }

  async function raw(options: Omit<RawServerOptions, "identity"> = {}): Promise<RawServer> {
    const server = await startRawServer({ identity: good, ...options });
    closing.push(() => server.close());
    return server;
  }

  function trusting(): ClientOptions {
    return { serverCertificateHashes: [good.certificateHash], maxRetries: 0 };
  }

  async function failure(
    port: number,
    options: ClientOptions,
    path = "/",
    host = "127.0.0.1",
  ): Promise<WebTransportError> {
    const opening = connect(`https://${host}:${port}${path}`, { maxRetries: 0, ...options });
    return await opening.then(
      () => {
        throw new Error("a session was opened");
      },
      (error: unknown) => error as WebTransportError,
    );
  }

  it("dns: a name that nobody knows", async () => {
    const error = await failure(4433, {}, "/", "nobody.invalid");
    expect(error).toMatchObject({ name: "ConnectionError", code: "ERR_WT_LOOKUP_FAILED", handshakeStage: "dns" });
    expect(error.message).toMatch(/nobody\.invalid.*[Cc]heck/);
  });

  it("udp: a socket that never answers", async () => {
    const silence = await startSilence();
    closing.push(() => silence.close());
    const error = await failure(silence.port, { ...trusting(), handshakeTimeout: 50 });
    expect(error).toMatchObject({
      name: "TimeoutError",
      code: "ERR_WT_TIMEOUT",
      handshakeStage: "udp",
      timeoutDuration: 50,
    });
    expect(error.message).toMatch(/nothing answered within 50 ms.*firewall/);
  });

  it("udp: a port that nobody listens on", async () => {
    const silence = await startSilence();
    await silence.close();
    const error = await failure(silence.port, { ...trusting(), handshakeTimeout: 50 });
    expect(error).toMatchObject({ handshakeStage: "udp" });
  });

  it("quic: a server that is full", async () => {
    const port = await serve(good, { maxConnections: 1 });
    const session = await connect(`https://127.0.0.1:${port}/`, trusting());
    const error = await failure(port, trusting());
    expect(error).toMatchObject({
      name: "ConnectionError",
      code: "ERR_WT_CONNECTION_FAILED",
      errorCode: 2,
      handshakeStage: "quic",
    });
    expect(error.message).toMatch(/full.*later/);
    await session.close();
  });

  it.each([
    [
      "another certificate",
      () => good,
      () => ({ serverCertificateHashes: [other.certificateHash] }),
      /hash is not among/,
    ],
    [
      "a hashed certificate of 30 days",
      () => long,
      () => ({ serverCertificateHashes: [long.certificateHash] }),
      /14 days/,
    ],
    ["a certificate of another name", () => other, () => ({ ca: other.cert }), /not for this name.*serverName/],
    [
      "an authority that is not known",
      () => good,
      () => ({ ca: other.cert }),
      /authority is unknown.*serverCertificateHashes/,
    ],
  ])("tls: %s", async (_what, identity, options, text) => {
    const error = await failure(await serve(identity()), options());
    expect(error).toMatchObject({
      name: "CertificateError",
      code: "ERR_WT_CERTIFICATE_REFUSED",
      handshakeStage: "tls",
      certificateError: expect.any(String) as unknown,
    });
    expect(error.message).toMatch(text);
  });

  it.each([
    ["no client certificate where one is required", () => ({}), /requires a client certificate.*cert and key/],
    [
      "a client certificate of a foreign authority",
      () => ({ cert: other.cert, key: other.key }),
      /refused the client certificate/,
    ],
  ])("tls: %s", async (_what, options, text) => {
    const port = await serve(good, { caCerts: good.cert, verifyMode: "required" });
    const error = await failure(port, { ...trusting(), ...options() });
    expect(error).toMatchObject({
      name: "CertificateError",
      code: "ERR_WT_CERTIFICATE_REFUSED",
      handshakeStage: "tls",
    });
    expect(error.message).toMatch(text);
  });

  it("alpn: a server of another protocol", async () => {
    const { port } = await raw({ alpn: "doq" });
    const error = await failure(port, trusting());
    expect(error).toMatchObject({ name: "HandshakeError", code: "ERR_WT_HANDSHAKE", handshakeStage: "alpn" });
    expect(error.message).toContain('HTTP/3 (ALPN "h3")');
  });

  it("settings: an HTTP/3 server without WebTransport", async () => {
    const { port } = await raw({ control: Uint8Array.of(0x00, 0x04, 0x00) });
    const error = await failure(port, trusting());
    expect(error).toMatchObject({ name: "HandshakeError", code: "ERR_WT_UNSUPPORTED", handshakeStage: "settings" });
    expect(error.message).toContain("SETTINGS");
  });

  it("settings: a server that sends none", async () => {
    const { port } = await raw({ control: "none" });
    const error = await failure(port, { ...trusting(), connectTimeout: 100 });
    expect(error).toMatchObject({ name: "TimeoutError", code: "ERR_WT_TIMEOUT", handshakeStage: "settings" });
    expect(error.message).toContain("has sent no SETTINGS");
  });

  it.each([
    [401, "/401", /credentials/],
    [403, "/403", /origin/],
    [404, "/404", /no WebTransport route/],
    [503, "/503", /overloaded/],
    [302, "/moved", /not followed: connect to https:\/\/new\.example\//],
  ])("http: status %i", async (status, path, text) => {
    const error = await failure(await serve(good), trusting(), path);
    expect(error).toMatchObject({ name: "HttpError", code: "ERR_WT_HTTP_STATUS", status, handshakeStage: "http" });
    expect(error.message).toMatch(text);
  });

  it("http: a server that never answers the request", async () => {
    const { port } = await raw();
    const error = await failure(port, { ...trusting(), connectTimeout: 100 });
    expect(error).toMatchObject({ name: "TimeoutError", code: "ERR_WT_TIMEOUT", handshakeStage: "http" });
    expect(error.message).toContain("has not answered the session request");
  });

  it("http: a request that is reset", async () => {
    const { port } = await raw({ answer: (connection, streamId) => connection.reset(streamId, 0x10bn) });
    const error = await failure(port, trusting());
    expect(error).toMatchObject({
      name: "SessionError",
      code: "ERR_WT_SESSION_REFUSED",
      errorCode: 0x10b,
      handshakeStage: "http",
    });
  });

  it("http: a connection that is closed in the middle", async () => {
    const { port } = await raw({ answer: (connection) => connection.close(0x107n, "too much") });
    const error = await failure(port, trusting());
    expect(error).toMatchObject({ name: "ConnectionError", code: "ERR_WT_CONNECTION_CLOSED", errorCode: 0x107 });
    expect(error.message).toContain("too much");
  });

  it("subprotocol: one that was not offered", async () => {
    const answer: RawServerOptions["answer"] = (connection, streamId) =>
      connection.write(streamId, headersFrame([":status", "200"], ["wt-protocol", '"other"']), false);
    const { port } = await raw({ answer });
    const error = await failure(port, { ...trusting(), protocols: ["chat.v2", "chat.v1"] });
    expect(error).toMatchObject({ name: "SessionError", handshakeStage: "subprotocol", errorCode: 0x0817b3dd });
    expect(error.message).toContain("Offered: chat.v2, chat.v1");
  });

  it("gets a session all the same when interim responses come first", async () => {
    const answered = new Set<number>();
    const answer: RawServerOptions["answer"] = (connection, streamId) => {
      if (answered.has(streamId)) return;
      answered.add(streamId);
      connection.write(streamId, headersFrame([":status", "100"]), false);
      connection.write(streamId, headersFrame([":status", "103"], ["link", "</x>"]), false);
      connection.write(streamId, headersFrame([":status", "200"], ["x-final", "yes"]), false);
    };
    const { port } = await raw({ answer });
    const session = await connect(`https://127.0.0.1:${port}/`, { ...trusting(), closeTimeout: 0 });
    expect(session.responseHeaders.get("x-final")).toBe("yes");
    expect(session.responseHeaders.has("link")).toBe(false);
    await session.close();
  });

  it("leaves when its signal aborts, at every stage", async () => {
    const silence = await startSilence();
    closing.push(() => silence.close());
    const mute = await raw({ control: "none" });
    const waiting = await raw();
    for (const { port } of [silence, mute, waiting]) {
      const abort = new AbortController();
      const opening = connect(`https://127.0.0.1:${port}/`, { ...trusting(), signal: abort.signal });
      setImmediate(() => abort.abort(new Error("enough")));
      await expect(opening).rejects.toThrow("enough");
    }
  });
});
