import { readFileSync } from "node:fs";

import { afterEach, describe, expect, it } from "vitest";

import type { ServerApp } from "../../../src/server/app.ts";
import { echoHandler } from "../../../src/server/handlers.ts";
import { control } from "../../unit/protocol/wire.ts";
import { echoed, LocalServer, turnsUntil } from "../end-to-end/local-server.ts";
import { RawClient } from "../end-to-end/raw-client.ts";

const wantedBuffer = 2 * 1024 * 1024;

/** The most that the kernel grants; undefined where it does not say. */
function most(name: "rmem_max" | "wmem_max"): number | undefined {
  try {
    return Number(readFileSync(`/proc/sys/net/core/${name}`, "utf8"));
  } catch {
    return undefined;
  }
}

describe("what a server knows about itself, over UDP", () => {
  let server: LocalServer;

  afterEach(async () => {
    await server.empty();
    await server.close();
  });

  const echoes = (app: ServerApp): void => {
    app.route("/echo", echoHandler);
  };

  it.runIf(process.platform === "linux")(
    "is the real size of its UDP buffers, and how they can be larger",
    async () => {
      server = await LocalServer.start(echoes);
      const issues = await server.app.server.diagnoseIssues();
      for (const [direction, name] of [
        ["receive", "rmem_max"],
        ["send", "wmem_max"],
      ] as const) {
        const granted = Math.min(most(name) ?? wantedBuffer, wantedBuffer);
        const expected =
          granted === wantedBuffer
            ? []
            : [
                `The UDP ${direction} buffer has ${granted} bytes, ${wantedBuffer} were asked for: bursts lose packets. Allow ` +
                  `more with: sudo sysctl -w net.core.${name}=${wantedBuffer}`,
              ];
        expect(issues.filter((issue) => issue.includes(`UDP ${direction} buffer has`))).toEqual(expected);
      }
      expect(issues.filter((issue) => !issue.includes("UDP"))).toEqual([]);
    },
  );

  it("is its connections with their figures, its sessions and its buffers, as JSON", async () => {
    server = await LocalServer.start(echoes);
    const session = await server.connect("/echo?token=secret");
    expect(await echoed(session, "hello")).toBe("hello");
    const state: unknown = JSON.parse(JSON.stringify(server.app.server.debugState()));
    expect(state).toMatchObject({
      serverInfo: { serving: true, localAddress: { host: "127.0.0.1", port: server.port, family: 4 }, middleware: [] },
      aggregatedStats: { sessions: 1, sessionStats: { activeSessions: 1 }, connectionStats: { active: 1 } },
      buffers: { used: 0, isFull: false },
      connections: [{ state: "connected", localAddress: { port: server.port }, sessions: 1 }],
      sessions: [{ path: "/echo", state: "connected", stats: { bytesReceived: 5, bytesSent: 5 } }],
    });
    const [connection] = server.app.server.debugState().connections;
    for (const figure of ["bytesSent", "bytesReceived", "packetsSent", "packetsReceived", "rtt", "mtu"] as const) {
      expect([figure, (connection?.[figure] ?? 0) > 0]).toEqual([figure, true]);
    }
    expect(JSON.stringify(state)).not.toMatch(/secret|PRIVATE KEY/);
    await session.close();
  });

  it("is which clients break the protocol: an event and a count", async () => {
    server = await LocalServer.start(echoes);
    const told = server.app.server.waitFor("protocol_error");
    const client = await RawClient.connect(server.port);
    client.send("unidirectional", control());
    // RFC 9114 §6.2.1: only one control stream.
    client.send("unidirectional", control());
    expect(await told).toMatchObject({ error: { name: "ProtocolError" }, timestamp: expect.any(Number) as unknown });
    await turnsUntil(() => server.stats.protocolErrors === 1);
    await client.close();
  });
});
