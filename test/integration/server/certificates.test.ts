import { X509Certificate } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

import type { ClientOptions } from "../../../src/client/connect.ts";
import type { ServerConfigOptions } from "../../../src/config/server-config.ts";
import { CertificateError, ConfigurationError, ServerError } from "../../../src/errors/errors.ts";
import { WebTransportServer } from "../../../src/server/index.ts";
import { OpensslFolder } from "../../support/openssl.ts";
import type { PemPair } from "../../support/openssl.ts";

import { CertificateWorld, fingerprint, freshPair } from "./certificate-world.ts";

let world: CertificateWorld;
beforeEach(() => {
  world = new CertificateWorld();
});
afterEach(async () => {
  await world.close();
});

describe("a server's certificates", () => {
  it("are PEM or files, by the names that clients ask for, wildcards included", async () => {
    const [byDefault, other, wild, added] = await Promise.all([freshPair(), freshPair(), freshPair(), freshPair()]);
    const sni = { "other.test": other, "*.Wild.test": world.files(wild, "wild-") };
    const { server } = await world.serve({ ...world.files(byDefault), sni });
    expect(await world.shown("OTHER.test")).toBe(fingerprint(other));
    expect(await world.shown("a.wild.test")).toBe(fingerprint(wild));
    for (const name of [undefined, "wild.test", "a.b.wild.test"]) {
      expect([name, await world.shown(name)]).toEqual([name, fingerprint(byDefault)]);
    }
    const updated = server.waitFor("certificate_updated");
    server.updateCertificate(added, "b.wild.test");
    expect(await updated).toMatchObject({ serverName: "b.wild.test" });
    expect((await updated).certificate.fingerprint256).toBe(fingerprint(added));
    expect(await world.shown("b.wild.test")).toBe(fingerprint(added));
    expect(await world.shown("a.wild.test")).toBe(fingerprint(wild));
    expect(() => {
      server.updateCertificate({ ...added, key: wild.key }, "b.wild.test");
    }).toThrow('Cannot use the certificate: sni "b.wild.test": the private key does not belong to the certificate');
    expect(() => {
      server.updateCertificate(added, "127.0.0.1");
    }).toThrow(ConfigurationError);
    expect(await world.shown("b.wild.test")).toBe(fingerprint(added));
  });

  it("cannot be updated before the server listens, and need not be once it closes", async () => {
    const pair = await freshPair();
    const server = new WebTransportServer({ config: { ...pair, logLevel: "silent" } });
    expect(() => {
      server.updateCertificate(pair);
    }).toThrow(ServerError);
    await server.listen({ host: "127.0.0.1", port: 0 });
    await server.close({ timeout: 0 });
    server.updateCertificate(pair);
  });

  describe("that cannot be used say what to do:", () => {
    const folder = new OpensslFolder();
    let good: PemPair;
    let request: string;
    beforeAll(async () => {
      good = await freshPair();
      folder.certificate("any", "-subj", "/CN=localhost");
      folder.run("req", "-new", "-key", "any-key.pem", "-subj", "/CN=localhost", "-out", "request.pem");
      request = folder.read("request.pem");
      folder.run("x509", "-in", "any.pem", "-outform", "der", "-out", "any.der");
      folder.run("pkey", "-in", "any-key.pem", "-outform", "der", "-out", "any-key.der");
      folder.run("genpkey", "-algorithm", "ed448", "-out", "ed448.pem");
    });
    afterAll(() => {
      folder.remove();
    });

    const cases: readonly (readonly [what: string, config: () => ServerConfigOptions, text: RegExp])[] = [
      [
        "no file",
        () => ({ certfile: "/none/c.pem", keyfile: "/none/k.pem" }),
        /ENOENT.*\/none\/c\.pem.*Check the path/,
      ],
      ["a folder", () => ({ certfile: folder.path, key: good.key }), /EISDIR.*Name the file in this folder/],
      ["a key for a certificate", () => ({ cert: good.key, key: good.key }), /belongs into the option key/],
      ["a certificate for a key", () => ({ cert: good.cert, key: good.cert }), /belongs into the option cert/],
      ["a request", () => ({ cert: request, key: good.key }), /a request for one\. Give what the authority/],
      [
        "DER",
        () => ({ certfile: `${folder.path}/any.der`, key: good.key }),
        /binary data\. DER becomes PEM by: openssl x509/,
      ],
      ["a DER key", () => ({ cert: good.cert, keyfile: `${folder.path}/any-key.der` }), /openssl pkey -inform der/],
      ["text", () => ({ cert: "hello", key: good.key }), /It begins with -----BEGIN CERTIFICATE-----/],
      ["a text for a key", () => ({ cert: good.cert, key: "hello" }), /It begins with -----BEGIN PRIVATE KEY-----/],
      [
        "a key of another kind",
        () => ({ cert: good.cert, key: folder.read("ed448.pem") }),
        /it must be ECDSA.*openssl genpkey/,
      ],
      [
        "a file of sni",
        () => ({ ...good, sni: { "a.test": { certfile: "/none/c.pem", keyfile: "/none/k.pem" } } }),
        /^Cannot read the certificate of sni "a\.test": ENOENT/,
      ],
      [
        "sni's PEM",
        () => ({ ...good, sni: { "a.test": { ...good, cert: "hello" } } }),
        /sni "a\.test": no certificate in/,
      ],
    ];
    it.each(cases)("%s", async (_what, config, text) => {
      const failure: unknown = await world.serve(config()).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(CertificateError);
      expect((failure as Error).message).toMatch(text);
    });
  });
});

describe("a client's certificate", () => {
  const folder = new OpensslFolder();
  let pair: PemPair;
  let alice: PemPair;
  let caCerts: string;
  const by = ["-CA", "ca.pem", "-CAkey", "ca-key.pem"];
  const leaf = [...by, "-addext", "basicConstraints=critical,CA:FALSE"];

  beforeAll(async () => {
    pair = await freshPair();
    caCerts = folder.certificate("ca", "-subj", "/CN=authority").cert;
    alice = folder.certificate("alice", "-subj", "/O=Test/CN=alice", ...leaf);
  });
  afterAll(() => {
    folder.remove();
  });

  /** Whom the server has found each client to be: on its request, on its session's connection. */
  async function serveAndAsk(verifyMode: "optional" | "required"): Promise<(X509Certificate | undefined)[]> {
    const { server } = await world.serve({ ...pair, caCerts, verifyMode });
    const seen: (X509Certificate | undefined)[] = [];
    server.handleSessions(async (request) => {
      const session = await request.accept();
      seen.push(request.peerCertificate, session.connection.peerCertificate);
    });
    return seen;
  }

  it("is node's X509Certificate, of the request and of the connection", async () => {
    const seen = await serveAndAsk("required");
    await (await world.connect(alice)).close();
    expect(seen[0]).toBeInstanceOf(X509Certificate);
    expect(seen[0]?.subject).toBe("O=Test\nCN=alice");
    expect(seen[0]?.raw).toEqual(new X509Certificate(alice.cert).raw);
    // Parsed once.
    expect(seen[1]).toBe(seen[0]);
  });

  it("may be absent where it is optional", async () => {
    const seen = await serveAndAsk("optional");
    for (const options of [{}, alice]) await (await world.connect(options)).close();
    const alices = "O=Test\nCN=alice";
    expect(seen.map((certificate) => certificate?.subject)).toEqual([undefined, undefined, alices, alices]);
  });

  const refused: readonly (readonly [what: string, options: () => ClientOptions, alert: number, text: RegExp])[] = [
    ["absent", () => ({}), 116, /the server requires a client certificate\. Give one with cert and key$/],
    [
      "a foreign authority's",
      () => folder.certificate("foreign", "-subj", "/CN=mallory", "-addext", "basicConstraints=critical,CA:FALSE"),
      48,
      /its authority is unknown to the server\. Use one that an authority in the server's caCerts has issued/,
    ],
    [
      "outdated",
      () => {
        folder.run("req", "-new", "-key", "alice-key.pem", "-subj", "/CN=alice", "-out", "alice.csr");
        folder.write("v3.txt", "basicConstraints=critical,CA:FALSE\n");
        folder.run(
          ...["x509", "-req", "-in", "alice.csr", ...by, "-CAcreateserial", "-extfile", "v3.txt"],
          ...["-days", "-1", "-out", "outdated.pem"],
        );
        return { cert: folder.read("outdated.pem"), key: alice.key };
      },
      45,
      /it has expired or is not yet valid\. Renew it/,
    ],
    [
      "for servers only",
      () => folder.certificate("purpose", "-subj", "/CN=alice", ...leaf, "-addext", "extendedKeyUsage=serverAuth"),
      43,
      /it is not for clients\. Make it with clientAuth/,
    ],
    [
      "an authority's",
      () => folder.certificate("issued-authority", "-subj", "/CN=alice", ...by),
      46,
      /does not accept one of this kind\. Use one that is no authority's/,
    ],
  ];
  it.each(refused)(
    "that is %s is refused with an alert that the client understands",
    async (_what, options, alert, text) => {
      await world.serve({ ...pair, caCerts, verifyMode: "required" });
      const failure: unknown = await world.connect(options()).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(CertificateError);
      expect(failure).toMatchObject({
        code: "ERR_WT_CERTIFICATE_REFUSED",
        errorCode: 0x100 + alert,
        handshakeStage: "tls",
      });
      expect((failure as Error).message).toMatch(text);
      await (await world.connect(alice)).close();
    },
  );
});
