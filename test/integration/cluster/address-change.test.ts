import { describe, expect, it } from "vitest";

import { connect } from "../../../src/client/connect.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";
import { UdpRelay } from "../../conformance/engine/udp-relay.ts";

import { certificate, ClusterWorld, steerings, whoServes } from "./cluster-world.ts";

describe.each(steerings)("clients whose address changes under traffic, steered by %s", (steering) => {
  it("stay with their workers, and lose nothing", async () => {
    await using world = await ClusterWorld.start({ workers: 4, steering });
    const clients = await Promise.all(Array.from({ length: 6 }, () => client(world)));
    const owners = await Promise.all(clients.map(({ session }) => whoServes(session)));
    for (let change = 0; change < 5; change += 1) {
      const asking = clients.map(async ({ session, relay }, index) => {
        // In the middle of the traffic, not between two exchanges.
        const answers = [whoServes(session), relay.changeAddress().then(() => whoServes(session)), whoServes(session)];
        for (const { pid } of await Promise.all(answers)) expect(pid).toBe(owners[index]!.pid);
      });
      await Promise.all(asking);
    }
    await Promise.all(clients.map(({ session }) => session.close()));
    await Promise.all(clients.map(({ relay }) => relay.close()));
  });
});

async function client(world: ClusterWorld): Promise<{ session: WebTransportSession; relay: UdpRelay }> {
  const relay = await UdpRelay.to({ host: "127.0.0.1", port: world.port, family: 4 });
  const session = await connect(`https://127.0.0.1:${relay.address.port}/who`, {
    serverCertificateHashes: [certificate.certificateHash],
    maxRetries: 0,
  });
  return { session, relay };
}
