import { describe, expect, it } from "vitest";

import { EngineError } from "../../../../src/engine/engine.ts";
import type { EndpointOptions } from "../../../../src/engine/engine.ts";
import type { EngineFactory } from "../under-test.ts";
import { withWorld } from "../with-world.ts";
import { certificate, otherCertificate } from "../world.ts";

const serverOptions = { identity: certificate, alpn: ["test"] };

export function createEndpointCases(factory: EngineFactory): void {
  describe("createEndpoint()", () => {
    it(
      "picks a free port for 0, and tells it",
      withWorld(factory, async (world) => {
        const first = await world.endpoint();
        const second = await world.endpoint();
        expect(first.localAddress).toMatchObject({ host: "127.0.0.1", family: 4 });
        expect(first.localAddress.port).toBeGreaterThan(0);
        expect(second.localAddress.port).not.toBe(first.localAddress.port);
      }),
    );

    it(
      "rejects with an EngineError whose code says which input is at fault",
      withWorld(factory, async (world) => {
        const taken = (await world.endpoint()).localAddress.port;
        const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        const identity = (cert: string, key: string): Partial<EndpointOptions> => ({
          server: { ...serverOptions, identity: { cert, key } },
        });
        const faults: [code: string, options: Partial<EndpointOptions>][] = [
          ["address-in-use", { port: taken }],
          ["address-not-available", { host: "192.0.2.1" }],
          ["invalid-option", { host: "localhost" }],
          ["invalid-certificate", identity("no PEM", certificate.key)],
          ["invalid-certificate", identity(broken, certificate.key)],
          ["invalid-key", identity(certificate.cert, "no PEM")],
          ["certificate-key-mismatch", identity(certificate.cert, otherCertificate.key)],
          ["invalid-option", { server: { ...serverOptions, clientCertificates: "required" } }],
          ["invalid-option", { server: { ...serverOptions, retry: "sometimes" as "never" } }],
          ["invalid-option", { server: { ...serverOptions, workerId: 65_536 } }],
          ["invalid-option", { server: { ...serverOptions, resetKey: new Uint8Array(31) } }],
          ["invalid-option", { server: { ...serverOptions, tokenKey: new Uint8Array(33) } }],
          ["invalid-option", { server: { ...serverOptions, ticketKey: new Uint8Array(0) } }],
          ["invalid-option", { server: { ...serverOptions, previousKeys: { resetKey: new Uint8Array(32) } } }],
          [
            "invalid-option",
            {
              server: {
                ...serverOptions,
                tokenKey: new Uint8Array(32),
                previousKeys: { tokenKey: new Uint8Array(31) },
              },
            },
          ],
          ["invalid-option", { server: serverOptions, steering: { slots: 2, activeWorkers: [] } }],
          ["invalid-option", { steering: { slots: 2, activeWorkers: [] } }],
          [
            "invalid-option",
            { server: { ...serverOptions, workerId: 0 }, steering: { slots: 257, activeWorkers: [] } },
          ],
          ["invalid-option", { server: { ...serverOptions, workerId: 2 }, steering: { slots: 2, activeWorkers: [] } }],
          [
            "invalid-option",
            { server: { ...serverOptions, workerId: 0 }, steering: { slots: 2, activeWorkers: [0, 2] } },
          ],
          ...[[], [65_535], [1, 65_535], [65_536.5]].map((shares): [string, Partial<EndpointOptions>] => [
            "invalid-option",
            { server: { ...serverOptions, workerId: 0 }, steering: { slots: 2, activeWorkers: [0], shares } },
          ]),
          [
            "invalid-option",
            {
              server: { ...serverOptions, workerId: 0 },
              steering: { slots: 2, activeWorkers: [0], newConnections: "kernel" as "hash" },
            },
          ],
          ["invalid-option", { transport: { congestionControl: "none" as "cubic" } }],
        ];
        for (const [code, options] of faults) {
          const error: unknown = await world.endpoint(options).catch((reason: unknown) => reason);
          expect(error, code).toBeInstanceOf(EngineError);
          expect(error).toMatchObject({ code, name: "EngineError" });
        }
      }),
    );

    it(
      "binds :: for both families, and shows an IPv4 peer as such",
      withWorld(factory, async (world) => {
        const { endpoint, acceptor } = await world.server({}, {}, { host: "::" });
        expect(endpoint.localAddress.family).toBe(6);
        const { port } = endpoint.localAddress;
        const four = await world.endpoint();
        world.connect(four, { host: "127.0.0.1", port });
        const viaIpv4 = await acceptor.connectionNumber(1);
        expect(viaIpv4.info.remoteAddress).toEqual(four.localAddress);
        const six = await world.endpoint({ host: "::1" });
        world.connect(six, { host: "::1", port });
        expect((await acceptor.connectionNumber(2)).info.remoteAddress).toEqual(six.localAddress);
        expect(viaIpv4.quic.localAddress.port).toBe(port);
      }),
    );

    it(
      "connects from :: to both families",
      withWorld(factory, async (world) => {
        const from = await world.endpoint({ host: "::" });
        for (const host of ["127.0.0.1", "::1"]) {
          const { endpoint, acceptor } = await world.server({}, {}, { host });
          const { quic, events } = world.connect(from, endpoint.localAddress);
          const { info } = await events.first("connected");
          expect(info.remoteAddress).toEqual(endpoint.localAddress);
          expect(quic.remoteAddress).toEqual(endpoint.localAddress);
          expect((await acceptor.connectionNumber(1)).info.remoteAddress).toMatchObject({
            port: from.localAddress.port,
            family: endpoint.localAddress.family,
          });
          expect(events.of("addressChanged")).toEqual([]);
        }
      }),
    );

    it(
      "lets endpoints with reusePort share a port, and no others",
      withWorld(factory, async (world) => {
        const first = await world.server({}, {}, { reusePort: true });
        const { port } = first.endpoint.localAddress;
        const second = await world.server({}, {}, { reusePort: true, port });
        expect(second.endpoint.localAddress).toEqual(first.endpoint.localAddress);
        await expect(world.endpoint({ port })).rejects.toMatchObject({ code: "address-in-use" });
      }),
    );

    it(
      "without server makes an endpoint that can only connect",
      withWorld(factory, async (world) => {
        const passive = await world.endpoint();
        const from = await world.endpoint({ transport: { handshakeTimeout: 200 } });
        const { events } = world.connect(from, passive.localAddress);
        await world.under.elapse(200);
        expect((await events.first("closed")).info).toMatchObject({ by: "transport", kind: "handshake-timeout" });
      }),
    );

    it(
      "with server makes one that can connect, too",
      withWorld(factory, async (world) => {
        const one = await world.server();
        const other = await world.server();
        const { events } = world.connect(one.endpoint, other.endpoint.localAddress);
        await events.first("connected");
        const accepted = await other.acceptor.connectionNumber(1);
        expect(accepted.info.remoteAddress).toEqual(one.endpoint.localAddress);
      }),
    );
  });
}
