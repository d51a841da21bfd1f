import { afterEach, describe, expect, it, vi } from "vitest";

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

  it("asks once, unless it is told to try again", async () => {
    let requests = 0;
    const app = new ServerApp({ config });
    app.middleware(() => {
      requests += 1;
      return Response.json({}, { status: 503 });
    });
    const pair = await createTestPair(app);
    await expect(pair.connect("/busy")).rejects.toMatchObject({ status: 503 });
    expect(requests).toBe(1);
    await expect(pair.connect("/busy", { maxRetries: 2, retryDelay: 0, logLevel: "silent" })).rejects.toMatchObject({
      status: 503,
    });
    expect(requests).toBe(4);
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

describe("wrong arguments", () => {
  it.each([undefined, null, 5, {}, "app"])("of createTestPair(): %j is no app", async (app) => {
    const refused = createTestPair(app as ServerApp);
    await expect(refused).rejects.toMatchObject({ name: "ConfigurationError", configKey: "app" });
  });

  it.each<[string, unknown]>([
    ["options", null],
    ["engine", { engine: {} }],
    ["engine", { engine: "memory" }],
    ["advanceTimers", { advanceTimers: 10 }],
    ["clock", { clock: {} }],
  ])("of createTestPair(): %s of %j", async (configKey, options) => {
    const app = new ServerApp({ config });
    await expect(createTestPair(app, options as object)).rejects.toMatchObject({ configKey });
    // Nothing has been started.
    await (await createTestPair(app)).close();
  });

  it.each(["echo", "", "//elsewhere/echo", "https://elsewhere/echo", 5, null, undefined])(
    "of connect(): %j is no path",
    async (path) => {
      await using pair = await createTestPair(new ServerApp({ config }));
      const refused = pair.connect(path as string);
      await expect(refused).rejects.toMatchObject({ name: "ConfigurationError", configKey: "path" });
    },
  );
});

describe("advance()", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("lets the application's timers keep step with the network", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] });
    const app = new ServerApp({ config });
    app.route("/ticks", async (session) => {
      for (let tick = 1; tick <= 3; tick += 1) {
        await new Promise((resolve) => setTimeout(resolve, 10_000));
        await session.datagrams.send(String(tick));
      }
    });
    const engine = memoryEngine({ conditions: { delay: 100 } });
    const pair = await createTestPair(app, { engine, advanceTimers: (ms) => vi.advanceTimersByTimeAsync(ms) });
    const session = await pair.connect("/ticks");
    await pair.advance(9000);
    expect(session.datagrams.tryReceive()).toBeUndefined();
    await pair.advance(1200);
    expect(text(session.datagrams.tryReceive() ?? null)).toBe("1");
    await pair.advance(20_000);
    expect([text(session.datagrams.tryReceive() ?? null), text(session.datagrams.tryReceive() ?? null)]).toEqual([
      "2",
      "3",
    ]);
    expect(await session.closed).toMatchObject({ clean: true, code: 0, by: "peer" });
    await pair.close();
  });

  it("connects whatever date a test framework has set", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"], now: 0 });
    const app = new ServerApp({ config });
    app.route("/echo", echoHandler);
    const pair = await createTestPair(app, { advanceTimers: (ms) => vi.advanceTimersByTimeAsync(ms) });
    const first = await pair.connect("/echo");
    vi.setSystemTime("2100-01-01");
    const second = await pair.connect("/echo");
    expect([first.state, second.state]).toEqual(["connected", "connected"]);
    await pair.close();
  });

  it("moves the network alone without them, and refuses what is no time", async () => {
    const pair = await createTestPair(new ServerApp({ config }));
    const before = pair.engine.clock.now();
    await pair.advance(86_400_000);
    expect(pair.engine.clock.now() - before).toBeGreaterThanOrEqual(86_400_000);
    for (const time of [-1, NaN, Infinity]) await expect(pair.advance(time)).rejects.toThrow(RangeError);
    await pair.close();
  });
});
