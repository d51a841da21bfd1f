import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { echoHandler } from "../../../src/server/handlers.ts";
import type { CloseInfo } from "../../../src/transport/types.ts";

import { certificate, LocalServer, turnsUntil } from "./local-server.ts";
import { forkProgram } from "./server-process.ts";

describe("a client process that is killed in the middle of everything", () => {
  let server: LocalServer;
  let running = 0;
  const ended: CloseInfo[] = [];

  beforeAll(async () => {
    server = await LocalServer.start(
      (app) => {
        app.route("/echo", echoHandler);
        app.route("/ignores", (session) => session.closed);
        app.route("/pushes", async (session) => {
          running += 1;
          try {
            const stream = await session.createUnidirectionalStream();
            for (;;) await stream.write(new Uint8Array(65_536));
          } finally {
            running -= 1;
          }
        });
      },
      // What a client that vanished leaves is noticed after this time, and writing to it meanwhile changes nothing.
      { connectionIdleTimeout: 1500, keepaliveInterval: 500 },
    );
    server.app.server.on("session_closed", ({ info }) => {
      ended.push(info);
    });
  });
  afterAll(() => server.close());

  it("is noticed: its sessions end with an error, and nothing of it is kept", async () => {
    const hash = Buffer.from(certificate.certificateHash.value).toString("hex");
    const client = forkProgram("busy-client.mjs", String(server.port), hash);
    const [message] = (await once(client, "message")) as [unknown];
    expect(message).toBe("busy");
    expect(server.stats.sessions).toBe(3);
    expect(server.stats.streams).toBeGreaterThanOrEqual(23);
    client.kill("SIGKILL");
    await once(client, "exit");
    await server.empty();
    await turnsUntil(() => running === 0);
    expect(ended).toHaveLength(3);
    for (const info of ended) {
      expect(info).toMatchObject({ clean: false, by: "transport", error: { code: "ERR_WT_CONNECTION_LOST" } });
    }
  }, 120_000);
});
