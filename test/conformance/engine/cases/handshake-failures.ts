import { describe, expect, it } from "vitest";

import type { ConnectOptions, QuicEndpoint } from "../../../../src/engine/engine.ts";
import { handshakeFailureCauses, refusalCauses } from "../../../../src/engine/handshake-failures.ts";
import type { HandshakeFailureCause } from "../../../../src/engine/handshake-failures.ts";
import { clientIdentity } from "../client-identity.ts";
import type { EngineFactory, EngineUnderTest } from "../under-test.ts";
import { withWorld } from "../with-world.ts";
import type { World } from "../world.ts";
import { certificate, otherCertificate } from "../world.ts";

/** Why clients did not become connections, as a server counts it; and how long a handshake took. */
export function handshakeFailureCases(factory: EngineFactory): void {
  describe("a handshake that fails", () => {
    const isCounted = (
      name: string,
      cause: HandshakeFailureCause,
      prepare: (world: World) => Promise<{ endpoint: QuicEndpoint; connect?: Partial<ConnectOptions> }>,
    ): void => {
      it(
        `is counted as ${cause}: ${name}`,
        withWorld(factory, async (world) => {
          const { endpoint, connect } = await prepare(world);
          const { events } = world.connect(await world.endpoint(), endpoint.localAddress, connect);
          await events.first("closed");
          await until(world.under, () => sumOf(endpoint) > 0);
          expect(countsOf(endpoint)).toEqual({ [cause]: 1 });
          const isRefusal = refusalCauses.some((each) => each === cause);
          expect(endpoint.getStats().handshakesRefused).toBe(isRefusal ? 1 : 0);
          expect(endpoint.getStats().pendingHandshakes).toBe(0);
        }),
      );
    };

    isCounted("the certificate's hash is not the client's", "certificate_rejected", async (world) => ({
      ...(await world.server()),
      connect: { verification: { kind: "hashes", hashes: [new Uint8Array(32)] } },
    }));
    isCounted("the client does not know the authority", "certificate_rejected", async (world) => ({
      ...(await world.server()),
      connect: { verification: { kind: "ca", ca: otherCertificate.cert } },
    }));
    isCounted("the client shows no certificate", "client_certificate", async (world) =>
      world.server({ clientCa: clientIdentity.cert, clientCertificates: "required" }),
    );
    isCounted("the client's certificate has another authority", "client_certificate", async (world) => ({
      ...(await world.server({ clientCa: certificate.cert, clientCertificates: "required" })),
      connect: { identity: clientIdentity },
    }));
    isCounted("the client speaks another protocol", "application_protocol", async (world) => ({
      ...(await world.server()),
      connect: { alpn: ["other"] },
    }));
    isCounted("there are as many connections as may be", "max_connections", async (world) =>
      world.server({ maxConnections: 0 }),
    );
    isCounted("there are as many handshakes as may be", "max_pending_handshakes", async (world) =>
      world.server({ maxPendingHandshakes: 0 }),
    );
    isCounted("its address has as many connections as it may have", "max_connections_per_address", async (world) => {
      const { client, server } = await world.pair({ server: { maxConnectionsPerAddress: 1 } });
      expect(client.endpoint.localAddress.host).toBe("127.0.0.1");
      return server;
    });
    isCounted("the endpoint accepts none any more", "closing", async (world) => {
      const server = await world.server();
      server.endpoint.stopAccepting();
      return server;
    });

    it(
      "is counted as timeout when the client falls silent",
      withWorld(factory, async (world) => {
        const { endpoint } = await world.server({}, { handshakeTimeout: 100 });
        const path = await world.under.path(endpoint.localAddress);
        world.connect(await world.endpoint(), path.address);
        await until(world.under, () => endpoint.getStats().pendingHandshakes === 1, 0);
        path.cut();
        await until(world.under, () => sumOf(endpoint) > 0);
        expect(countsOf(endpoint)).toEqual({ timeout: 1 });
      }),
    );

    it(
      "is counted as client_gone when the client gives up",
      withWorld(factory, async (world) => {
        const { endpoint, acceptor } = await world.server();
        const path = await world.under.path(endpoint.localAddress);
        const { quic } = world.connect(await world.endpoint(), path.address);
        await until(world.under, () => endpoint.getStats().pendingHandshakes === 1, 0);
        quic.close(5n, "changed my mind");
        await until(world.under, () => sumOf(endpoint) > 0);
        expect(countsOf(endpoint)).toEqual({ client_gone: 1 });
        expect(acceptor.accepted).toEqual([]);
      }),
    );

    it(
      "stays counted when the endpoint has closed",
      withWorld(factory, async (world) => {
        const { endpoint } = await world.server({ maxConnections: 0 });
        await world.connect(await world.endpoint(), endpoint.localAddress).events.first("closed");
        await endpoint.close(0n, "");
        expect(countsOf(endpoint)).toEqual({ max_connections: 1 });
        expect(endpoint.getStats()).toMatchObject({ connections: 0, pendingHandshakes: 0, handshakesRefused: 1 });
      }),
    );

    it(
      "is not counted when it succeeds",
      withWorld(factory, async (world) => {
        const { client, server } = await world.pair();
        client.quic.close(0n, "");
        await server.events.first("closed");
        expect(countsOf(server.endpoint)).toEqual({});
        expect(Object.keys(server.endpoint.getStats().handshakeFailures)).toEqual([...handshakeFailureCauses]);
      }),
    );
  });

  describe("a handshake that succeeds", () => {
    it(
      "tells both sides how long it has taken",
      withWorld(factory, async (world) => {
        const now = world.under.time.now ?? (() => performance.now());
        const before = now();
        const { client, server } = await world.pair();
        const most = now() - before;
        for (const { handshakeDuration } of [client.info, server.info]) {
          // Virtual time passes only where packets need any.
          if (world.under.time.now === undefined) expect(handshakeDuration).toBeGreaterThan(0);
          expect(handshakeDuration).toBeLessThanOrEqual(most);
        }
      }),
    );
  });
}

/** Those that are not 0. */
function countsOf(endpoint: QuicEndpoint): object {
  return Object.fromEntries(Object.entries(endpoint.getStats().handshakeFailures).filter(([, count]) => count !== 0));
}

function sumOf(endpoint: QuicEndpoint): number {
  return Object.values(endpoint.getStats().handshakeFailures).reduce((sum, count) => sum + count, 0);
}

/** Turns of the loop until `isSo`; beside what travels, `step` milliseconds of virtual time pass with each. */
async function until(under: EngineUnderTest, isSo: () => boolean, step = 50): Promise<void> {
  while (!isSo()) {
    if (step > 0) await under.elapse(step);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
