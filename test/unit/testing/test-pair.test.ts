import { describe, expect, it } from "vitest";

import { HttpError } from "../../../src/errors/errors.ts";
import { ServerApp } from "../../../src/server/app.ts";
import { echoHandler } from "../../../src/server/handlers.ts";
import { createTestPair, memoryEngine } from "../../../src/testing/index.ts";

const config = { logLevel: "silent" } as const;

function text(bytes: Uint8Array | null): string {
  return new TextDecoder().decode(bytes ?? undefined);
}

describe("createTestPair()", () => {
  it("connects to the routes of an application without a socket", async () => {
    const app = new ServerApp({ config });
    const hooks: string[] = [];
    app.onStartup(() => hooks.push("startup"));
    app.onShutdown(() => hooks.push("shutdown"));
    app.route("/rooms/:room", async (session) => {
      await session.datagrams.send(session.params.room);
      await session.closed;
    });
    app.route("/echo", echoHandler);
    const pair = await createTestPair(app);
    const room = await pair.connect("/rooms/blue?x=1");
    expect(text(await room.datagrams.receive())).toBe("blue");
    const echo = await pair.connect("/echo", { headers: { "x-test": "1" } });
    const stream = await echo.createBidirectionalStream();
    await stream.writeAll("hello");
    expect(text(await stream.readAll())).toBe("hello");
    await echo.close({ code: 1 });
    await pair.close();
    await pair.close();
    expect(await room.closed).toMatchObject({ clean: true, by: "peer" });
    expect(hooks).toEqual(["startup", "shutdown"]);
    await expect(pair.connect("/echo")).rejects.toMatchObject({ name: "ServerError" });
  });

  it("rejects with the status that the application refuses with", async () => {
    const pair = await createTestPair(new ServerApp({ config }));
    const refused = pair.connect("/nowhere");
    await expect(refused).rejects.toBeInstanceOf(HttpError);
    await expect(refused).rejects.toMatchObject({ status: 404 });
    await pair.close();
  });

  it("keeps several applications apart on one engine, and shows them a bad link", async () => {
    const engine = memoryEngine({ conditions: { delay: 40, loss: 0.3, chunkSize: "random" }, seed: 7 });
    const pairs = await Promise.all(
      ["one", "two"].map((name) => {
        const app = new ServerApp({ config });
        app.route("/name", async (session) => {
          const stream = await session.createUnidirectionalStream();
          await stream.writeAll(name);
        });
        return createTestPair(app, { engine });
      }),
    );
    for (const [index, name] of ["one", "two"].entries()) {
      const session = await pairs[index]?.connect("/name");
      const stream = await session?.incomingUnidirectionalStreams.next();
      expect(text((await stream?.readAll()) ?? null)).toBe(name);
      expect(await session?.closed).toMatchObject({ clean: true, code: 0, by: "peer" });
    }
    expect(engine.clock.now()).toBeGreaterThan(100);
    await Promise.all(pairs.map((pair) => pair.close()));
  });
});
