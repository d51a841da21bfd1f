import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { generateSelfSignedCertificate } from "../../../src/certificates/self-signed.ts";
import type { ServerConfigOptions } from "../../../src/config/server-config.ts";
import { EngineError } from "../../../src/engine/engine.ts";
import { DatagramError } from "../../../src/errors/errors.ts";
import { echoHandler } from "../../../src/server/handlers.ts";
import { WebTransportServer } from "../../../src/server/server.ts";
import type { WebTransportServerOptions } from "../../../src/server/server.ts";

import { certificate, echoed, LocalServer } from "./local-server.ts";

const loopback = { host: "127.0.0.1", port: 0 };

describe("listening with wrong input", () => {
  const { cert, key } = certificate;
  let folder: string;
  let server: WebTransportServer | undefined;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "tswebtransport-"));
  });
  afterEach(async () => {
    rmSync(folder, { recursive: true });
    await server?.close();
    server = undefined;
  });

  function serverOf(config: ServerConfigOptions, options: WebTransportServerOptions = {}): WebTransportServer {
    return new WebTransportServer({ config: { logLevel: "silent", ...config }, ...options });
  }

  function fileOf(name: string, content: string): string {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  }

  it("says that the port is in use, and can listen on another one after it", async () => {
    server = serverOf({ cert, key });
    const { port } = await server.listen(loopback);
    const second = serverOf({ cert, key });
    await expect(second.listen({ host: "127.0.0.1", port })).rejects.toMatchObject({
      name: "ServerError",
      code: "ERR_WT_ADDRESS_IN_USE",
      bindAddress: `127.0.0.1:${port}`,
      message: expect.stringContaining("choose another port") as string,
    });
    expect(second.isServing).toBe(false);
    expect((await second.listen(loopback)).port).not.toBe(port);
    await second.close();
  });

  it("lets two servers share a port when both ask for it", async () => {
    server = serverOf({ cert, key, reusePort: true });
    const { port } = await server.listen(loopback);
    const second = serverOf({ cert, key, reusePort: true });
    expect((await second.listen({ host: "127.0.0.1", port })).port).toBe(port);
    await second.close();
  });

  it("says that the port needs a privilege", async () => {
    // Whether one does is the system's to say (root may bind any): the refusal itself is the engine's.
    const refused = new EngineError("permission-denied", "EACCES");
    const engine = { name: "refusing", createEndpoint: () => Promise.reject(refused) };
    await expect(serverOf({ cert, key }, { engine }).listen({ host: "127.0.0.1", port: 443 })).rejects.toMatchObject({
      name: "ServerError",
      code: "ERR_WT_PERMISSION_DENIED",
      bindAddress: "127.0.0.1:443",
      message: expect.stringContaining("choose a higher port") as string,
    });
  });

  it.each([
    ["an address of another machine", "192.0.2.1"],
    ["a name that does not resolve", "nowhere.invalid"],
  ])("says that %s is none of this machine's", async (_, host) => {
    await expect(serverOf({ cert, key }).listen({ host, port: 0 })).rejects.toMatchObject({
      name: "ServerError",
      code: "ERR_WT_ADDRESS_UNAVAILABLE",
      message: expect.stringContaining(host) as string,
    });
  });

  it.each([
    ["certificate", (path: string) => ({ certfile: path, key })],
    ["private key", (path: string) => ({ cert, keyfile: path })],
  ])("names the %s's file that cannot be read", async (what, config) => {
    const path = join(folder, "missing.pem");
    await expect(serverOf(config(path)).listen(loopback)).rejects.toMatchObject({
      name: "CertificateError",
      code: "ERR_WT_CERTIFICATE_NOT_FOUND",
      certificatePath: path,
      message: expect.stringContaining(`Cannot read the ${what}`) as string,
    });
  });

  it("says that the certificate is missing and how to make one", async () => {
    await expect(serverOf({}).listen(loopback)).rejects.toMatchObject({
      name: "CertificateError",
      code: "ERR_WT_CERTIFICATE_NOT_FOUND",
      message: expect.stringMatching(/without a certificate.*generateSelfSignedCertificate/) as string,
    });
  });

  it("cannot be configured with a certificate whose key is missing", () => {
    expect(() => serverOf({ cert })).toThrow(
      expect.objectContaining({ name: "ConfigurationError", code: "ERR_WT_CONFIGURATION" }) as Error,
    );
  });

  it.each([
    ["no PEM", "certificate", "invalid-certificate"],
    ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate", "invalid-certificate"],
    ["", "private key", "invalid-key"],
    ["-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "private key", "invalid-key"],
  ])("refuses %j as %s", async (content, what, certificateError) => {
    const path = fileOf("wrong.pem", content);
    const config = what === "certificate" ? { certfile: path, key } : { cert, keyfile: path };
    await expect(serverOf(config).listen(loopback)).rejects.toMatchObject({
      name: "CertificateError",
      code: "ERR_WT_CERTIFICATE_INVALID",
      certificateError,
    });
  });

  it("refuses a key that does not belong to the certificate", async () => {
    const other = await generateSelfSignedCertificate({ hostname: "localhost" });
    await expect(serverOf({ cert, key: other.key }).listen(loopback)).rejects.toMatchObject({
      name: "CertificateError",
      code: "ERR_WT_CERTIFICATE_MISMATCH",
    });
  });

  it("refuses to take a mismatched certificate over and goes on with the old one", async () => {
    server = serverOf({ cert, key });
    await server.listen(loopback);
    const other = await generateSelfSignedCertificate({ hostname: "localhost" });
    expect(() => server?.updateCertificate({ cert, key: other.key })).toThrow(
      expect.objectContaining({ name: "CertificateError", code: "ERR_WT_CERTIFICATE_MISMATCH" }) as Error,
    );
    expect(server.isServing).toBe(true);
  });

  it("leaves nothing behind that would keep the process alive", () => {
    const entry = new URL("../../../dist/index.js", import.meta.url).href;
    const program = `import { ServerApp } from ${JSON.stringify(entry)};
      await new ServerApp({ config: { certfile: "missing.pem", keyfile: "missing.pem" } })
        .listen({ host: "127.0.0.1", port: 0 })
        .catch((error) => console.log(error.name));`;
    const output = execFileSync(process.execPath, ["--input-type=module", "--eval", program], { encoding: "utf8" });
    expect(output).toBe("CertificateError\n");
  });
});

describe("a session with wrong input", () => {
  let server: LocalServer;

  beforeAll(async () => {
    server = await LocalServer.start((app) => {
      app.route("/echo", echoHandler);
      app.route("/throws", () => Promise.reject(new Error("a secret of the handler")));
    });
  });
  afterEach(() => server.empty());
  afterAll(() => server.close());

  it("gets 404 for a path without a route", async () => {
    await expect(server.connect("/nowhere")).rejects.toMatchObject({
      name: "HttpError",
      status: 404,
      code: "ERR_WT_HTTP_STATUS",
    });
  });

  it("hears that the handler failed, but not how", async () => {
    const session = await server.connect("/throws");
    expect(await session.closed).toEqual({ clean: true, code: 1, reason: "Internal server error", by: "peer" });
  });

  it("is told both sizes of a datagram that is too large, and lives on", async () => {
    const session = await server.connect("/echo");
    const { maxDatagramSize } = session.datagrams;
    const tooLarge = new Uint8Array(maxDatagramSize + 1);
    const error: unknown = await session.datagrams.send(tooLarge).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DatagramError);
    expect(error).toMatchObject({ datagramSize: maxDatagramSize + 1, maxSize: maxDatagramSize });
    expect(session.datagrams.trySend(tooLarge)).toBe(false);
    const largest = new Uint8Array(maxDatagramSize).fill(7);
    await session.datagrams.send(largest);
    expect(await session.datagrams.receive()).toEqual(largest);
    await session.close();
  });

  it.each([
    ["not a URL", "it is not a URL"],
    ["http://localhost/", "needs https"],
    ["https://localhost/#fragment", "fragment"],
    ["https://user@localhost/", "credentials"],
  ])("cannot begin with the address %j", async (url, why) => {
    const { connect } = await import("../../../src/client/connect.ts");
    await expect(connect(url)).rejects.toMatchObject({
      name: "ConfigurationError",
      configKey: "url",
      message: expect.stringContaining(why) as string,
    });
  });

  it("refuses a server whose certificate has another hash", async () => {
    const serverCertificateHashes = [{ algorithm: "sha-256", value: new Uint8Array(32) }];
    await expect(server.connect("/echo", { serverCertificateHashes })).rejects.toMatchObject({
      name: "CertificateError",
      code: "ERR_WT_CERTIFICATE_REFUSED",
    });
  });

  it("refuses codes out of range at the call, without harm to the session", async () => {
    const session = await server.connect("/echo");
    const stream = await session.createBidirectionalStream();
    expect(() => stream.reset(-1)).toThrow(RangeError);
    expect(() => stream.stop(2 ** 32)).toThrow(RangeError);
    expect(() => session.close({ code: 2 ** 32 })).toThrow(RangeError);
    stream.reset();
    stream.stop();
    expect(await echoed(session, "still here")).toBe("still here");
    await session.close();
  });
});
