import { describe, expect, it } from "vitest";

import { EngineError } from "../../../../src/engine/engine.ts";
import type { ConnectOptions, QuicEndpoint, SharedKeys } from "../../../../src/engine/engine.ts";
import { Recorder } from "../recorder.ts";
import type { EngineFactory } from "../under-test.ts";
import { withWorld } from "../with-world.ts";
import { Acceptor, bytes, certificate, openStream, otherCertificate } from "../world.ts";

export function endpointCases(factory: EngineFactory): void {
  describe("an endpoint", () => {
    it(
      "counts connections of both roles until they are drained",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        expect([client.endpoint.connectionCount, server.endpoint.connectionCount]).toEqual([1, 1]);
        expect(client.endpoint.getStats()).toMatchObject({ connections: 1, pendingHandshakes: 0 });
        client.quic.close(0n, "");
        await server.events.first("closed");
        while (client.endpoint.connectionCount + server.endpoint.connectionCount > 0) {
          await world.under.elapse(1);
          await new Promise(setImmediate);
        }
        expect(server.endpoint.getStats()).toMatchObject({ connections: 0, pendingHandshakes: 0 });
      }),
    );

    it(
      "refuses to connect with bad options",
      withWorld(factory, async (world) => {
        const from = await world.endpoint();
        const address = { host: "127.0.0.1", port: 4433 };
        const codeOf = (options: Parameters<typeof world.connect>[2], to = address): unknown => {
          try {
            world.connect(from, to, options);
            return "none";
          } catch (error) {
            expect(error).toBeInstanceOf(EngineError);
            return (error as EngineError).code;
          }
        };
        expect(codeOf({}, { host: "localhost", port: 4433 })).toBe("invalid-option");
        expect(codeOf({ serverName: "not a name" })).toBe("invalid-option");
        expect(codeOf({ verification: { kind: "ca", ca: "no PEM" } })).toBe("invalid-certificate");
        expect(codeOf({ identity: { cert: certificate.cert, key: "no PEM" } })).toBe("invalid-key");
        expect(codeOf({ identity: { cert: certificate.cert, key: otherCertificate.key } })).toBe(
          "certificate-key-mismatch",
        );
        expect(from.connectionCount).toBe(0);
      }),
    );

    it(
      "gives new handshakes the identity of updateIdentity(), which throws for a bad one",
      withWorld(factory, async (world) => {
        const { endpoint, acceptor } = await world.server();
        const from = await world.endpoint();
        const before = world.connect(from, endpoint.localAddress);
        const { info } = await before.events.first("connected");
        await acceptor.connectionNumber(1);
        expect(() => {
          endpoint.updateIdentity({ cert: "no PEM", key: certificate.key });
        }).toThrow(EngineError);
        endpoint.updateIdentity(otherCertificate);
        const after = world.connect(from, endpoint.localAddress);
        const renewed = (await after.events.first("connected")).info;
        expect(renewed.peerCertificates[0]).not.toEqual(info.peerCertificates[0]);
        const streamId = openStream(before.quic, "unidirectional");
        before.quic.write(streamId, bytes("lives on"), true);
        const first = await acceptor.connectionNumber(1);
        await first.events.until(() => first.events.hasFin(streamId));
      }),
    );

    it(
      "refuses further connections after stopAccepting(), and keeps those it has",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        server.endpoint.stopAccepting();
        const late = world.connect(client.endpoint, server.endpoint.localAddress);
        // RFC 9000 §20.1: CONNECTION_REFUSED.
        expect((await late.events.first("closed")).info).toMatchObject({ by: "peer", kind: "transport", code: 2n });
        expect(server.endpoint.getStats()).toMatchObject({ handshakesAccepted: 1, handshakesRefused: 1 });
        const streamId = openStream(client.quic, "unidirectional");
        client.quic.write(streamId, bytes("lives on"), true);
        await server.events.until(() => server.events.hasFin(streamId));
      }),
    );

    it(
      "has given its port back when close() resolves, with connections and without",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const { port } = server.endpoint.localAddress;
        await server.endpoint.close(0n, "");
        const again = await world.server({}, {}, { port });
        expect(again.endpoint.localAddress.port).toBe(port);
        await again.endpoint.close(0n, "");
        await world.endpoint({ port });
        await client.endpoint.close(0n, "");
      }),
    );

    it(
      "ignores further connections after a silent stopAccepting(), and keeps those it has",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair({ clientTransport: { handshakeTimeout: 1000 } });
        server.endpoint.stopAccepting({ silently: true });
        const late = world.connect(client.endpoint, server.endpoint.localAddress);
        await world.under.elapse(1000);
        expect((await late.events.first("closed")).info).toMatchObject({ by: "transport", kind: "handshake-timeout" });
        expect(server.endpoint.getStats()).toMatchObject({ handshakesAccepted: 1, handshakesRefused: 0 });
        server.endpoint.stopAccepting();
        const refused = world.connect(client.endpoint, server.endpoint.localAddress);
        expect((await refused.events.first("closed")).info).toMatchObject({ by: "peer", kind: "transport", code: 2n });
        const streamId = openStream(client.quic, "unidirectional");
        client.quic.write(streamId, bytes("lives on"), true);
        await server.events.until(() => server.events.hasFin(streamId));
      }),
    );

    it(
      "replaces the keys that it was created with, and no others",
      withWorld(factory, async (world) => {
        const key = (byte: number) => new Uint8Array(32).fill(byte);
        const keys = { resetKey: key(1), tokenKey: key(2), ticketKey: key(3) };
        const { endpoint } = await world.server({ ...keys, previousKeys: { tokenKey: key(4) } });
        const client = await world.endpoint();
        for (let round = 0; round < 3; round += 1) {
          await world.connect(client, endpoint.localAddress).events.first("connected");
          endpoint.updateKeys({ resetKey: key(round + 5), tokenKey: key(round + 6), ticketKey: key(round + 7) });
          endpoint.updateKeys({});
        }
        await world.connect(client, endpoint.localAddress).events.first("connected");
        const { endpoint: other } = await world.server({ workerId: 1, tokenKey: key(1) });
        const wrong: [QuicEndpoint, SharedKeys][] = [
          [endpoint, { resetKey: key(1).subarray(1) }],
          [other, { resetKey: key(1) }],
          [other, { ticketKey: key(1) }],
          [other, { tokenKey: new Uint8Array(33) }],
          [client, { tokenKey: key(1) }],
        ];
        for (const [of, update] of wrong) {
          expect(() => {
            of.updateKeys(update);
          }).toThrow(expect.objectContaining({ name: "EngineError", code: "invalid-option" }) as Error);
        }
      }),
    );

    it(
      "takes the list of active workers, and ignores packets that make no sense",
      withWorld(factory, async (world) => {
        const { endpoint, acceptor } = await world.server(
          { workerId: 1 },
          {},
          { steering: { slots: 3, activeWorkers: [1] } },
        );
        const client = await world.endpoint();
        endpoint.setActiveWorkers([2, 0]);
        endpoint.setActiveWorkers([2, 0], [1, 65_535]);
        const wrong: [ids: number[], shares?: number[]][] = [[[3]], [[0, 0]], [[1.5]], [[-1]]];
        for (const shares of [[65_536], [0, 65_536], [-1, 65_537], [NaN, 65_536], [0.5, 65_535.5], [1, 65_536]]) {
          wrong.push([[2, 0], shares]);
        }
        for (const [ids, shares] of wrong) {
          expect(() => {
            endpoint.setActiveWorkers(ids, shares);
          }).toThrow(expect.objectContaining({ name: "EngineError", code: "invalid-option" }) as Error);
        }
        for (const length of [0, 1, 20, 1200]) {
          endpoint.receive(new Uint8Array(length).fill(0xc3), client.localAddress);
          endpoint.receive(new Uint8Array(length).fill(0x43), client.localAddress, "127.0.0.1");
        }
        // The kernel, or who else has chosen this worker, decides.
        await world.connect(client, endpoint.localAddress).events.first("connected");
        await acceptor.connectionNumber(1);
        expect(() => {
          client.setActiveWorkers([0]);
        }).toThrow(expect.objectContaining({ code: "invalid-option" }) as Error);
      }),
    );

    it(
      "tells its socket's buffers",
      withWorld(factory, async (world) => {
        const { receiveBufferSize, sendBufferSize } = (await world.endpoint()).getStats();
        expect(receiveBufferSize).toBeGreaterThan(0);
        expect(sendBufferSize).toBeGreaterThan(0);
      }),
    );

    it(
      "close() ends every connection with code and reason, frees the port, and is idempotent",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const { port } = server.endpoint.localAddress;
        const closing = server.endpoint.close(77n, "shutting down");
        await Promise.all([closing, server.endpoint.close(1n, "again")]);
        expect(server.events.of("closed").map(({ info }) => info)).toEqual([
          { by: "local", kind: "application", code: 77n, reason: "shutting down" },
        ]);
        expect((await client.events.first("closed")).info).toEqual({
          by: "peer",
          kind: "application",
          code: 77n,
          reason: "shutting down",
        });
        const successor = await world.endpoint({ port });
        expect(successor.localAddress.port).toBe(port);
        expect(() => server.endpoint.connect(connectOptions(port), new Recorder())).toThrow(EngineError);
      }),
    );

    it(
      "connects no more from close() on",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        const closing = client.endpoint.close(0n, "");
        expect(() => world.connect(client.endpoint, server.endpoint.localAddress)).toThrow(
          expect.objectContaining({ name: "EngineError", code: "unavailable" }),
        );
        await closing;
        expect(client.events.events.slice(-2).map(({ type }) => type)).toEqual(["closed", "turnEnded"]);
      }),
    );

    it(
      "can be closed without connections, and while a handshake is under way",
      withWorld(factory, async (world) => {
        const idle = await world.endpoint();
        await idle.close(0n, "");
        const { endpoint } = await world.server();
        const from = await world.endpoint();
        const { events } = world.connect(from, endpoint.localAddress);
        await from.close(0n, "");
        expect(events.of("closed")).toHaveLength(1);
        expect(events.of("connected")).toHaveLength(0);
      }),
    );

    it(
      "can be referenced and unreferenced at any time",
      withWorld(factory, async (world) => {
        const endpoint = await world.endpoint({}, new Acceptor());
        endpoint.unref();
        endpoint.ref();
        await endpoint.close(0n, "");
        endpoint.ref();
        endpoint.unref();
      }),
    );
  });
}

function connectOptions(port: number): ConnectOptions {
  return {
    address: { host: "127.0.0.1", port },
    serverName: "localhost",
    alpn: ["test"],
    verification: { kind: "insecure" },
  };
}
