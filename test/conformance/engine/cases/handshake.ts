import { describe, expect, it } from "vitest";

import { generateSelfSignedCertificate } from "../../../../src/certificates/self-signed.ts";
import type { CertificateVerification, ConnectionClosed } from "../../../../src/engine/engine.ts";
import { clientIdentity } from "../client-identity.ts";
import type { EngineFactory } from "../under-test.ts";
import { withWorld } from "../with-world.ts";
import type { World } from "../world.ts";
import { bytes, certificate, openStream, otherCertificate } from "../world.ts";

export function handshakeCases(factory: EngineFactory): void {
  /** How a client's attempt to connect ends: undefined when it does not. */
  async function attempt(
    world: World,
    options: Parameters<World["connect"]>[2],
    server: Parameters<World["server"]>[0] = {},
  ): Promise<ConnectionClosed | undefined> {
    const { endpoint, acceptor } = await world.server(server);
    const from = await world.endpoint();
    const { events } = world.connect(from, endpoint.localAddress, options);
    const accepted = acceptor.connectionNumber(1).then(() => undefined);
    return Promise.race([events.first("closed").then(({ info }) => info), accepted]);
  }

  describe("a handshake", () => {
    it(
      "tells both sides of each other",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        expect(client.info).toMatchObject({
          alpn: "test",
          remoteAddress: server.endpoint.localAddress,
        });
        expect(server.info).toMatchObject({
          alpn: "test",
          serverName: "localhost",
          remoteAddress: client.endpoint.localAddress,
          peerCertificates: [],
        });
        expect(client.info.peerCertificates).toHaveLength(1);
        expect(client.info.maxDatagramSize).toBeGreaterThan(1000);
        expect(server.info.resetStreamAt).toBe(client.info.resetStreamAt);
        expect(client.quic.remoteAddress).toEqual(server.endpoint.localAddress);
        expect(client.quic.localAddress).toEqual(client.endpoint.localAddress);
        expect(server.quic.remoteAddress).toEqual(client.endpoint.localAddress);
        expect(client.events.events[0]?.type).toBe("connected");
        expect(client.events.of("connected")).toHaveLength(1);
        expect(server.events.of("connected")).toHaveLength(0);
      }),
    );

    it(
      "gives connections of an endpoint different ids",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const second = world.connect(client.endpoint, server.endpoint.localAddress);
        await second.events.first("connected");
        expect(second.quic.id).not.toBe(client.quic.id);
      }),
    );

    it(
      "agrees on the server's most preferred ALPN protocol",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({ server: { alpn: ["b", "a"] }, connect: { alpn: ["a", "b"] } });
        expect([client.info.alpn, server.info.alpn]).toEqual(["b", "b"]);
      }),
    );

    it(
      "fails without a common ALPN protocol",
      withWorld(factory, async (world) => {
        const end = await attempt(world, { alpn: ["other"] });
        // RFC 9001 §4.8: no_application_protocol.
        expect(end).toMatchObject({ by: "peer", kind: "transport", code: 0x178n });
      }),
    );

    it(
      "chooses the identity by server name",
      withWorld(factory, async (world) => {
        const { endpoint } = await world.server({ sni: { "other.test": otherCertificate } });
        const from = await world.endpoint();
        const leaf = async (serverName: string): Promise<Uint8Array | undefined> => {
          const { events } = world.connect(from, endpoint.localAddress, { serverName });
          return (await events.first("connected")).info.peerCertificates[0];
        };
        const [byDefault, named] = [await leaf("localhost"), await leaf("OTHER.test")];
        expect(named).not.toEqual(byDefault);
        expect(await leaf("third.test")).toEqual(byDefault);
      }),
    );

    it(
      "chooses the identity of a wildcard for one label in front, and the exact name before it",
      withWorld(factory, async (world) => {
        const { endpoint } = await world.server({
          sni: { "*.Wild.test": otherCertificate, "exact.wild.test": certificate },
        });
        const from = await world.endpoint();
        const leaf = async (serverName: string): Promise<Uint8Array | undefined> => {
          const { events } = world.connect(from, endpoint.localAddress, { serverName });
          return (await events.first("connected")).info.peerCertificates[0];
        };
        const [byDefault, wild] = [await leaf("localhost"), await leaf("a.wild.test")];
        expect(wild).not.toEqual(byDefault);
        for (const name of ["wild.test", "a.b.wild.test", "exact.wild.test", "a.wild.test.example"]) {
          expect([name, await leaf(name)]).toEqual([name, byDefault]);
        }
        endpoint.updateIdentity(otherCertificate, "EXACT.wild.test");
        expect(await leaf("exact.wild.test")).toEqual(wild);
        endpoint.updateIdentity(certificate, "*.wild.test");
        expect(await leaf("b.wild.test")).toEqual(byDefault);
        endpoint.updateIdentity(otherCertificate, "new.test");
        expect([await leaf("new.test"), await leaf("localhost")]).toEqual([wild, byDefault]);
        expect(() => {
          endpoint.updateIdentity({ ...certificate, key: otherCertificate.key }, "new.test");
        }).toThrow('sni "new.test": the private key does not belong to the certificate');
        expect(await leaf("new.test")).toEqual(wild);
      }),
    );

    it(
      "refuses connections past maxConnections and maxPendingHandshakes",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({ server: { maxConnections: 1 } });
        const second = world.connect(client.endpoint, server.endpoint.localAddress);
        expect((await second.events.first("closed")).info).toMatchObject({ by: "peer", kind: "transport", code: 2n });
        expect(await attempt(world, {}, { maxPendingHandshakes: 0 })).toMatchObject({ code: 2n });
      }),
    );

    it(
      "refuses connections of an address past maxConnectionsPerAddress, until one of it has gone",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({ server: { maxConnectionsPerAddress: 3 } });
        const dial = (): ReturnType<typeof world.connect> =>
          world.connect(client.endpoint, server.endpoint.localAddress);
        const [second, third] = [dial(), dial()];
        await second.events.first("connected");
        await third.events.first("connected");
        expect((await dial().events.first("closed")).info).toMatchObject({ by: "peer", kind: "transport", code: 2n });
        expect(server.endpoint.getStats()).toMatchObject({ handshakesAccepted: 3, handshakesRefused: 1 });
        client.quic.close(0n, "");
        while (server.endpoint.connectionCount === 3) {
          await world.under.elapse(50);
          await new Promise((resolve) => setImmediate(resolve));
        }
        await dial().events.first("connected");
      }),
    );

    it(
      "succeeds with a Retry, too",
      withWorld(factory, async (world) => {
        const { client } = await world.pair({ server: { retry: "always" } });
        expect(client.info.alpn).toBe("test");
      }),
    );

    it(
      "times out after handshakeTimeout",
      withWorld(factory, async (world) => {
        const { endpoint } = await world.server({}, { handshakeTimeout: 150 });
        const path = await world.under.path(endpoint.localAddress);
        path.cut();
        const from = await world.endpoint({ transport: { handshakeTimeout: 150 } });
        const { events } = world.connect(from, path.address);
        await world.under.elapse(150);
        expect((await events.first("closed")).info).toEqual({
          by: "transport",
          kind: "handshake-timeout",
          code: 0n,
          reason: "",
        });
      }),
    );

    it(
      "can be given up by the client",
      withWorld(factory, async (world) => {
        const { endpoint } = await world.server();
        const from = await world.endpoint();
        const { quic, events } = world.connect(from, endpoint.localAddress);
        quic.close(5n, "changed my mind");
        expect((await events.first("closed")).info).toEqual({
          by: "local",
          kind: "application",
          code: 5n,
          reason: "changed my mind",
        });
        expect(events.of("connected")).toEqual([]);
      }),
    );

    it(
      "writes the preamble on the first unidirectional streams of either side",
      withWorld(factory, async (world) => {
        const preamble = [bytes("one"), bytes("two")];
        const { client, server } = await world.pair({
          serverTransport: { preamble },
          clientTransport: { preamble },
        });
        await client.events.until(() => client.events.text(3) === "one" && client.events.text(7) === "two");
        await server.events.until(() => server.events.text(2) === "one" && server.events.text(6) === "two");
        expect([client.quic.open("unidirectional"), server.quic.open("unidirectional")]).toEqual([10, 11]);
        expect(client.events.events.findIndex(({ type }) => type === "streamOpened")).toBeGreaterThan(0);
        expect([...client.events.of("data"), ...server.events.of("data")].some(({ fin }) => fin)).toBe(false);
        client.quic.write(2, bytes(" more"), false);
        await server.events.until(() => server.events.text(2) === "one more");
      }),
    );

    it(
      "hands out NSS key-log lines when asked",
      withWorld(factory, async (world) => {
        const lines: string[] = [];
        const { client, server } = await world.pair({
          clientTransport: {
            keyLog: (line) => {
              lines.push(line);
            },
          },
        });
        const streamId = openStream(server.quic, "unidirectional");
        server.quic.write(streamId, bytes("x"), true);
        await client.events.until(() => client.events.hasFin(streamId));
        expect(lines.length).toBeGreaterThan(0);
        for (const line of lines) expect(line).toMatch(/^[A-Z0-9_]+ [0-9a-f]{64} [0-9a-f]+\n?$/);
      }),
    );
  });

  describe("certificate verification", () => {
    const hash = certificate.certificateHash.value;
    const trusted: [name: string, verification: CertificateVerification][] = [
      ["insecure", { kind: "insecure" }],
      ["its authority", { kind: "ca", ca: certificate.cert }],
      ["its hash among others", { kind: "hashes", hashes: [new Uint8Array(32), hash] }],
    ];
    for (const [name, verification] of trusted) {
      it(
        `accepts a server by ${name}`,
        withWorld(factory, async (world) => {
          expect(await attempt(world, { verification })).toBeUndefined();
        }),
      );
    }

    const distrusted: [name: string, verification: CertificateVerification][] = [
      ["the system's authorities", { kind: "system" }],
      ["another authority", { kind: "ca", ca: otherCertificate.cert }],
      ["another hash", { kind: "hashes", hashes: [new Uint8Array(32)] }],
    ];
    for (const [name, verification] of distrusted) {
      it(
        `refuses a self-signed server by ${name}`,
        withWorld(factory, async (world) => {
          const end = await attempt(world, { verification });
          expect(end).toMatchObject({ by: "local", kind: "transport" });
          expect(end?.reason).toMatch(/certificate/i);
          // RFC 9001 §4.8: a TLS alert.
          expect(Number(end?.code) >> 8).toBe(1);
        }),
      );
    }

    it(
      "refuses a name that the certificate is not for",
      withWorld(factory, async (world) => {
        const end = await attempt(world, {
          serverName: "elsewhere.test",
          verification: { kind: "ca", ca: certificate.cert },
        });
        expect(end).toMatchObject({ by: "local", kind: "transport" });
      }),
    );

    it(
      "refuses by its hash a certificate that is valid for more than 14 days",
      withWorld(factory, async (world) => {
        const long = await generateSelfSignedCertificate({ days: 15 });
        const hashes = [long.certificateHash.value];
        const end = await attempt(world, { verification: { kind: "hashes", hashes } }, { identity: long });
        expect(end).toMatchObject({ by: "local", kind: "transport" });
      }),
    );

    it(
      "gives the server a client's certificate when it asks for it",
      withWorld(factory, async (world) => {
        const server = { clientCa: clientIdentity.cert, clientCertificates: "required" } as const;
        const { server: end } = await world.pair({ server, connect: { identity: clientIdentity } });
        expect(end.info.peerCertificates).toHaveLength(1);
      }),
    );

    it(
      "lets a client without certificate in when it is optional, and not when it is required",
      withWorld(factory, async (world) => {
        const clientCa = otherCertificate.cert;
        const { server } = await world.pair({ server: { clientCa, clientCertificates: "optional" } });
        expect(server.info.peerCertificates).toEqual([]);
        const { endpoint, acceptor } = await world.server({ clientCa, clientCertificates: "required" });
        const { events } = world.connect(server.endpoint, endpoint.localAddress);
        // RFC 8446 §6.2: certificate_required.
        expect((await events.first("closed")).info).toMatchObject({ by: "peer", kind: "transport", code: 0x174n });
        expect(acceptor.accepted).toEqual([]);
      }),
    );

    it(
      "refuses a client's certificate of another authority, or for servers only",
      withWorld(factory, async (world) => {
        const { endpoint, acceptor } = await world.server({
          clientCa: certificate.cert,
          clientCertificates: "optional",
        });
        const from = await world.endpoint();
        for (const identity of [clientIdentity, certificate]) {
          const { events } = world.connect(from, endpoint.localAddress, { identity });
          expect((await events.first("closed")).info).toMatchObject({ by: "peer", kind: "transport" });
        }
        expect(acceptor.accepted).toEqual([]);
      }),
    );
  });

  describe("exportKeyingMaterial()", () => {
    it(
      "gives both sides the same, and others for another label, context or connection",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const other = await world.pair();
        const material = client.quic.exportKeyingMaterial("EXPORTER-label", bytes("context"), 32);
        expect(server.quic.exportKeyingMaterial("EXPORTER-label", bytes("context"), 32)).toEqual(material);
        expect(material).toHaveLength(32);
        for (const different of [
          client.quic.exportKeyingMaterial("EXPORTER-other", bytes("context"), 32),
          client.quic.exportKeyingMaterial("EXPORTER-label", bytes("another"), 32),
          other.client.quic.exportKeyingMaterial("EXPORTER-label", bytes("context"), 32),
        ]) {
          expect(different).not.toEqual(material);
        }
        expect(client.quic.exportKeyingMaterial("x", bytes(""), 4096)).toHaveLength(4096);
      }),
    );

    it(
      "throws for a length out of range and before the handshake has completed",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        for (const length of [0, 4097, 1.5]) {
          expect(() => client.quic.exportKeyingMaterial("x", bytes(""), length)).toThrow(
            expect.objectContaining({ code: "invalid-option" }),
          );
        }
        const early = world.connect(client.endpoint, server.endpoint.localAddress);
        expect(() => early.quic.exportKeyingMaterial("x", bytes(""), 32)).toThrow(
          expect.objectContaining({ code: "unavailable" }),
        );
        expect(early.quic.open("bidirectional")).toBeUndefined();
        await early.events.first("connected");
      }),
    );
  });
}
