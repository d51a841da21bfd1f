import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { ConnectionClosed, EngineErrorCode, TlsIdentity } from "../../../../src/engine/engine.ts";
import { OpensslFolder } from "../../../support/openssl.ts";
import type { EngineFactory } from "../under-test.ts";
import { withWorld } from "../with-world.ts";
import type { World } from "../world.ts";
import { certificate } from "../world.ts";

/** Certificates as openssl makes them. */
export function certificateCases(factory: EngineFactory): void {
  const folder = new OpensslFolder();
  const localhost = ["-subj", "/CN=localhost"];
  const named = [...localhost, "-addext", "subjectAltName=DNS:localhost"];
  let byDefault: TlsIdentity;
  let lookalike: TlsIdentity;
  let nameless: TlsIdentity;
  let outdated: TlsIdentity;
  let forClients: TlsIdentity;
  let issuedAuthority: TlsIdentity;
  let issued: TlsIdentity;
  let issuedByIntermediate: TlsIdentity;
  let authority: TlsIdentity;
  let encrypted: { readonly pkcs8: string; readonly traditional: string };

  beforeAll(() => {
    byDefault = folder.certificate("default", ...named);
    lookalike = folder.certificate("lookalike", ...named);
    nameless = folder.certificate("nameless", ...localhost);
    folder.run("x509", "-in", "default.pem", "-signkey", "default-key.pem", "-days", "-1", "-out", "outdated.pem");
    outdated = { ...byDefault, cert: folder.read("outdated.pem") };
    forClients = folder.certificate("clients", ...named, "-addext", "extendedKeyUsage=clientAuth");
    authority = folder.certificate("authority", "-subj", "/CN=authority");
    const by = ["-CA", "authority.pem", "-CAkey", "authority-key.pem"];
    issued = folder.certificate("issued", ...named, "-addext", "basicConstraints=critical,CA:FALSE", ...by);
    issuedAuthority = folder.certificate("issued-authority", ...named, ...by);
    const byIntermediate = ["-CA", "issued-authority.pem", "-CAkey", "issued-authority-key.pem"];
    const isLeaf = ["-addext", "basicConstraints=critical,CA:FALSE"];
    issuedByIntermediate = folder.certificate("issued-by-intermediate", ...named, ...isLeaf, ...byIntermediate);
    encrypted = folder.encrypted("default-key.pem");
  });
  afterAll(() => {
    folder.remove();
  });

  /** How an attempt to connect to a server of this certificate ends: undefined when it does not. */
  async function attempt(world: World, identity: TlsIdentity, ca: string): Promise<ConnectionClosed | undefined> {
    const { endpoint, acceptor } = await world.server({ identity });
    const { events } = world.connect(await world.endpoint(), endpoint.localAddress, {
      verification: { kind: "ca", ca },
    });
    const accepted = acceptor.connectionNumber(1).then(() => undefined);
    return Promise.race([events.first("closed").then(({ info }) => info), accepted]);
  }

  describe("a certificate of openssl req -x509, which is its own authority", () => {
    it(
      "is trusted when it is given as an authority, alone or among others",
      withWorld(factory, async (world) => {
        expect(await attempt(world, byDefault, byDefault.cert)).toBeUndefined();
        expect(await attempt(world, byDefault, authority.cert + byDefault.cert)).toBeUndefined();
      }),
    );

    it(
      "still issues others",
      withWorld(factory, async (world) => {
        expect(await attempt(world, issued, authority.cert)).toBeUndefined();
        const withAuthority = { cert: issued.cert + authority.cert, key: issued.key };
        expect(await attempt(world, withAuthority, authority.cert)).toBeUndefined();
      }),
    );

    it.each<[what: string, identity: () => TlsIdentity, ca: () => string, reason: RegExp]>([
      [
        "another one of the same names is given",
        () => lookalike,
        () => byDefault.cert,
        /authority's own certificate, and not among/,
      ],
      ["it has no name", () => nameless, () => nameless.cert, /not valid for any names/],
      ["it has expired", () => outdated, () => outdated.cert, /expired/i],
      [
        "it is for clients",
        () => forClients,
        () => forClients.cert,
        /InvalidPurpose|extended key usage|not for a server/,
      ],
      ["another authority has issued it", () => issuedAuthority, () => authority.cert, /another one has issued/],
      ["not its issuer is given, but it", () => issuedAuthority, () => issuedAuthority.cert, /another one has issued/],
    ])("is refused when %s", async (_what, identity, ca, reason) => {
      await withWorld(factory, async (world) => {
        const end = await attempt(world, identity(), ca());
        expect(end).toMatchObject({ by: "local", kind: "transport" });
        expect(end?.reason).toMatch(reason);
      })();
    });

    it(
      "is refused for another name than its own",
      withWorld(factory, async (world) => {
        const { endpoint } = await world.server({ identity: byDefault });
        const { events } = world.connect(await world.endpoint(), endpoint.localAddress, {
          serverName: "elsewhere.test",
          verification: { kind: "ca", ca: byDefault.cert },
        });
        expect((await events.first("closed")).info.reason).toMatch(/not valid for name/);
      }),
    );

    it(
      "issued by an intermediate is trusted when that alone is given, and no other one of its root is then",
      withWorld(factory, async (world) => {
        const ca = issuedAuthority.cert;
        const withChain = { cert: issuedByIntermediate.cert + ca, key: issuedByIntermediate.key };
        expect(await attempt(world, withChain, ca)).toBeUndefined();
        expect(await attempt(world, issuedByIntermediate, ca)).toBeUndefined();
        expect(await attempt(world, issued, ca)).toMatchObject({ by: "local", kind: "transport" });
        expect(await attempt(world, withChain, authority.cert)).toBeUndefined();
      }),
    );

    it(
      "is a client's, too, when the server is given it",
      withWorld(factory, async (world) => {
        const server = { clientCa: byDefault.cert, clientCertificates: "required" } as const;
        const pair = await world.pair({ server, connect: { identity: byDefault } });
        expect(pair.server.info.peerCertificates).toHaveLength(1);
        const { events } = world.connect(pair.client.endpoint, pair.server.endpoint.localAddress, {
          identity: lookalike,
        });
        expect((await events.first("closed")).info).toMatchObject({ by: "peer", kind: "transport" });
      }),
    );
  });

  describe("a certificate and key that cannot be used", () => {
    type Case = [what: string, identity: () => TlsIdentity, code: EngineErrorCode, text: RegExp];
    const decrypt = /encrypted.*openssl pkey -in encrypted-key\.pem -out key\.pem/;
    const cases: Case[] = [
      ["an encrypted PKCS #8 key", () => ({ ...byDefault, key: encrypted.pkcs8 }), "invalid-key", decrypt],
      ["an encrypted SEC1 key", () => ({ ...byDefault, key: encrypted.traditional }), "invalid-key", decrypt],
      [
        "a chain that begins with the issuer",
        () => ({ cert: authority.cert + issued.cert, key: issued.key }),
        "invalid-certificate",
        /wrong order: .*certificate number 2 of 2/,
      ],
      [
        "another key",
        () => ({ cert: issued.cert + authority.cert, key: byDefault.key }),
        "certificate-key-mismatch",
        /does not belong/,
      ],
    ];
    for (const [what, identity, code, text] of cases) {
      const refusal = expect.objectContaining({ code, message: expect.stringMatching(text) as unknown }) as Error;

      it(
        `(${what}) are named as a server's own, by server name, in an update, and as a client's`,
        withWorld(factory, async (world) => {
          await expect(world.server({ identity: identity() })).rejects.toThrow(refusal);
          const bySni = world.server({ sni: { "other.test": identity() } });
          await expect(bySni).rejects.toThrow(refusal);
          await expect(bySni).rejects.toThrow('sni "other.test": ');
          const { endpoint } = await world.server();
          expect(() => endpoint.updateIdentity(identity())).toThrow(refusal);
          const from = await world.endpoint();
          expect(() => world.connect(from, endpoint.localAddress, { identity: identity() })).toThrow(refusal);
          // Nothing has changed.
          const { events } = world.connect(from, endpoint.localAddress, {
            verification: { kind: "hashes", hashes: [certificate.certificateHash.value] },
          });
          await events.first("connected");
        }),
      );
    }
  });
}
