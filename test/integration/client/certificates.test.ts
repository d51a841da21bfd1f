import { readFileSync } from "node:fs";
import { once } from "node:events";
import { connect as connectTls, createServer } from "node:tls";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, describe, expect, it } from "vitest";

import { connect } from "../../../src/client/index.ts";
import type { ClientOptions } from "../../../src/client/index.ts";
import type { ServerConfigOptions } from "../../../src/config/server-config.ts";
import { CertificateError } from "../../../src/errors/errors.ts";
import { ServerApp, echoHandler } from "../../../src/server/index.ts";
import { OpensslFolder } from "../../support/openssl.ts";
import type { PemPair } from "../../support/openssl.ts";

const localhost = ["-subj", "/CN=localhost"];
const named = [...localhost, "-addext", "subjectAltName=DNS:localhost"];

/** Certificates as the guide and openssl's own defaults make them. */
describe("certificates made with openssl", () => {
  const folder = new OpensslFolder();
  let app: ServerApp | undefined;

  afterEach(async () => {
    await app?.close({ timeout: 0 });
    app = undefined;
  });
  afterAll(() => {
    folder.remove();
  });

  async function serve(config: ServerConfigOptions): Promise<string> {
    app = new ServerApp({ config: { logLevel: "silent", ...config } });
    app.route("/echo", echoHandler);
    const { port } = await app.listen({ host: "127.0.0.1", port: 0 });
    return `https://localhost:${port}/echo`;
  }

  const lookup: NonNullable<ClientOptions["lookup"]> = (_name, _question, callback) => {
    callback(null, "127.0.0.1", 4);
  };

  /** The text of the failure; undefined when there was a session. */
  async function failureOf(url: string, options: ClientOptions): Promise<string | undefined> {
    try {
      const session = await connect(url, { lookup, maxRetries: 0, ...options });
      await session.close();
      return undefined;
    } catch (error) {
      expect(error).toBeInstanceOf(CertificateError);
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Whether `node:tls` trusts a server of this certificate. */
  async function nodeTrusts({ cert, key }: PemPair, ca: string): Promise<boolean> {
    const server = createServer({ cert, key, minVersion: "TLSv1.3" });
    server.on("tlsClientError", () => {});
    server.on("secureConnection", (socket) => socket.on("error", () => {}));
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    const socket = connectTls({ port, host: "127.0.0.1", servername: "localhost", ca });
    const trusts = await Promise.race([
      once(socket, "secureConnect").then(() => true),
      new Promise<boolean>((resolve) => socket.once("error", () => resolve(false))),
    ]);
    socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    return trusts;
  }

  it("work as docs/guide/tls.md makes them: an authority for ca, and a certificate that it has issued", async () => {
    const guide = readFileSync(new URL("../../../docs/guide/tls.md", import.meta.url), "utf8");
    const [, commands = ""] = /```sh\n(openssl req [^`]*)```/.exec(guide) ?? [];
    expect(commands.match(/^openssl/gm)).toHaveLength(2);
    folder.shell(commands);
    const url = await serve({ certfile: `${folder.path}/cert.pem`, keyfile: `${folder.path}/key.pem` });
    expect(await failureOf(url, { ca: folder.read("ca.pem") })).toBeUndefined();
    expect(await failureOf(url.replace("localhost", "127.0.0.1"), { ca: folder.read("ca.pem") })).toBeUndefined();
    expect(
      await nodeTrusts({ cert: folder.read("cert.pem"), key: folder.read("key.pem") }, folder.read("ca.pem")),
    ).toBe(true);
  });

  it("are exchanged by updateCertificate(), and a bad one changes nothing", async () => {
    const [first, second, other] = ["first", "second", "other"].map((name) => folder.certificate(name, ...named));
    const url = await serve({ ...first, sni: { "other.example": other! } });
    const session = await connect(url, { lookup, ca: first!.cert });
    expect(() => app?.server.updateCertificate({ cert: second!.cert, key: first!.key })).toThrow(
      expect.objectContaining({ code: "ERR_WT_CERTIFICATE_MISMATCH" }),
    );
    expect(await failureOf(url, { ca: first!.cert })).toBeUndefined();
    app?.server.updateCertificate(second!);
    expect(await failureOf(url, { ca: second!.cert })).toBeUndefined();
    expect(await failureOf(url, { ca: first!.cert })).toMatch(/its own authority.*Give this very certificate/);
    const stream = await session.createBidirectionalStream();
    await stream.writeAll("lives on");
    expect(new TextDecoder().decode(await stream.readAll())).toBe("lives on");
    await session.close();
  });

  it("of a server that cannot start say what to do", async () => {
    const { cert } = folder.certificate("locked", ...named);
    const { pkcs8, traditional } = folder.encrypted("locked-key.pem");
    for (const key of [pkcs8, traditional]) {
      await expect(serve({ cert, key })).rejects.toThrow(
        /^Cannot use the certificate: the private key is encrypted.*openssl pkey -in encrypted-key\.pem -out key\.pem$/,
      );
    }
    // What the message says, done.
    for (const [name, text] of Object.entries({ pkcs8, traditional })) {
      folder.write("encrypted-key.pem", text);
      folder.run("pkey", "-in", "encrypted-key.pem", "-out", `${name}-decrypted.pem`, "-passin", "pass:secret");
      const url = await serve({ cert, key: folder.read(`${name}-decrypted.pem`) });
      expect(await failureOf(url, { ca: cert })).toBeUndefined();
      await app?.close({ timeout: 0 });
    }
  });

  it("of a client that cannot be used are named, and not taken for the server's", async () => {
    const { cert, key } = folder.certificate("mine", ...named);
    const { pkcs8 } = folder.encrypted("mine-key.pem");
    const other = folder.certificate("theirs", ...named);
    const url = await serve({ cert, key });
    const given = "cannot use the certificate, key or authority that was given: ";
    expect(await failureOf(url, { ca: cert, cert, key: pkcs8 })).toMatch(`${given}the private key is encrypted`);
    expect(await failureOf(url, { ca: cert, cert: other.cert + cert, key })).toMatch(
      `${given}the chain is in the wrong`,
    );
    expect(await failureOf(url, { ca: cert, cert, key: other.key })).toMatch(`${given}the private key does not belong`);
    expect(await failureOf(url, { ca: key })).toMatch(`${given}an authority's certificate: no certificate`);
  });

  it("of version 1 are named as that", async () => {
    const { key } = folder.certificate("request", ...named);
    folder.run("req", "-new", "-key", "request-key.pem", ...localhost, "-out", "request.csr");
    folder.run("x509", "-req", "-in", "request.csr", "-signkey", "request-key.pem", "-out", "old.pem");
    await expect(serve({ cert: folder.read("old.pem"), key })).rejects.toThrow(/version 1.*subjectAltName/);
  });

  it("without a subjectAltName are made anew by the command that the message says", async () => {
    const { cert, key } = folder.certificate("nameless", ...localhost);
    const message = await failureOf(await serve({ cert, key }), { ca: cert });
    await app?.close({ timeout: 0 });
    const [command = ""] = /openssl req .*$/.exec(message ?? "") ?? [];
    expect(command).toContain('-addext "subjectAltName=DNS:localhost"');
    folder.write("key.pem", key);
    folder.shell(command);
    const renewed = folder.read("cert.pem");
    expect(await failureOf(await serve({ cert: renewed, key }), { ca: renewed })).toBeUndefined();
  });

  const defaults: readonly (readonly [what: string, isTrusted: boolean, options: readonly string[]])[] = [
    ["openssl's defaults", true, named],
    ["no subjectAltName", false, localhost],
    ["CA:FALSE", true, [...named, "-addext", "basicConstraints=critical,CA:FALSE"]],
    ["a usage for servers", true, [...named, "-addext", "extendedKeyUsage=serverAuth"]],
    ["a usage for clients", false, [...named, "-addext", "extendedKeyUsage=clientAuth"]],
    ["a key that signs handshakes", true, [...named, "-addext", "keyUsage=critical,digitalSignature,keyCertSign"]],
    ["a key that signs certificates only", false, [...named, "-addext", "keyUsage=critical,keyCertSign,cRLSign"]],
    ["another name", false, ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:elsewhere.test"]],
  ];
  it.each(defaults)("with %s are trusted as their own ca: %s, and never where node:tls does not", async (...given) => {
    const [what, isTrusted, options] = given;
    const pair = folder.certificate("own", ...options);
    const failure = await failureOf(await serve(pair), { ca: pair.cert });
    expect([what, failure === undefined, failure]).toEqual([what, isTrusted, failure]);
    if (isTrusted) expect(await nodeTrusts(pair, pair.cert)).toBe(true);
  });

  it("with a critical extension that nobody knows are refused by their server", async () => {
    const pair = folder.certificate("critical", ...named, "-addext", "1.2.3.4=critical,DER:0500");
    await expect(serve(pair)).rejects.toThrow(/UnsupportedCriticalExtension/);
  });

  it("with RSA keys, as openssl makes them by default, are trusted as their own ca", async () => {
    folder.run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "rsa-key.pem", "-out", "rsa.pem", ...named);
    const [cert, key] = [folder.read("rsa.pem"), folder.read("rsa-key.pem")];
    expect(await failureOf(await serve({ cert, key }), { ca: cert })).toBeUndefined();
  });
});
