import { describe, expect, it } from "vitest";

import { generateSelfSignedCertificate } from "../../../src/certificates/self-signed.ts";
import type { QuicEndpoint, QuicEngine } from "../../../src/engine/engine.ts";
import { ServerApp } from "../../../src/server/app.ts";
import { createDevelopmentServer } from "../../../src/server/development/development-server.ts";
import { WebTransportServer } from "../../../src/server/server.ts";
import { Deferred } from "../../../src/async/promises.ts";
import { createTestPair, memoryEngine } from "../../../src/testing/index.ts";

const config = { logLevel: "silent" } as const;
const outOfRange = [-1, 2 ** 32, 1.5, NaN];

describe("a close with a code out of its range", () => {
  it("is refused at the call, and nothing has begun to close", async () => {
    const app = new ServerApp({ config });
    const hooks: string[] = [];
    app.onShutdown(() => hooks.push("shutdown"));
    app.route("/", (session) => session.closed);
    const pair = await createTestPair(app);
    const client = await pair.connect("/");
    const [connection] = app.server.connections;
    for (const code of outOfRange) {
      expect(() => app.close({ code, timeout: 0 })).toThrow(RangeError);
      expect(() => app.server.close({ code, timeout: 0 })).toThrow(RangeError);
      expect(() => connection?.close({ code, abort: true })).toThrow(RangeError);
    }
    expect(app.server.isServing).toBe(true);
    expect(connection?.state).toBe("connected");
    await app.close({ code: 2 ** 32 - 1, reason: "over", timeout: 0 });
    expect(await client.closed).toMatchObject({ clean: true, by: "peer" });
    expect(hooks).toEqual(["shutdown"]);
    await app.server.serveForever();
  });
});

describe("a close while the server is starting", () => {
  const identity = generateSelfSignedCertificate();
  const certificate = () => identity;
  const address = { host: "127.0.0.1", port: 4433 };
  const closed = { name: "ServerError" };

  /** An engine that calls `onBound` before the server gets its endpoint. */
  function boundBy(engine: QuicEngine, onBound: () => unknown): QuicEngine {
    return {
      ...engine,
      createEndpoint: async (options, listener) => {
        const endpoint = await engine.createEndpoint(options, listener);
        await onBound();
        return endpoint;
      },
    };
  }

  function noting(engine: QuicEngine, endpoints: QuicEndpoint[]): QuicEngine {
    return {
      ...engine,
      createEndpoint: async (options, listener) => {
        const endpoint = await engine.createEndpoint(options, listener);
        endpoints.push(endpoint);
        return endpoint;
      },
    };
  }

  /** Another server can have the address. */
  async function listenOn(engine: QuicEngine): Promise<void> {
    const server = new WebTransportServer({ config, engine, certificate });
    expect((await server.listen(address)).port).toBe(address.port);
    await server.close();
  }

  it("gives the endpoint back, and the server does not listen", async () => {
    const network = memoryEngine();
    const engine = boundBy(network, () => server.close());
    const server: WebTransportServer = new WebTransportServer({ config, engine, certificate });
    await expect(server.listen(address)).rejects.toMatchObject(closed);
    expect(server.isServing).toBe(false);
    expect(server.localAddress).toBeUndefined();
    await server.close();
    await server.serveForever();
    await listenOn(network);
    expect((await server.listen({ ...address, engine: network })).port).toBe(address.port);
    await server.close();
  });

  it("tells why the server could not have listened anyway", async () => {
    const server: WebTransportServer = new WebTransportServer({
      config,
      engine: memoryEngine(),
      certificate: async () => {
        await server.close();
        throw new Error("no certificate");
      },
    });
    await expect(server.listen(address)).rejects.toThrow("no certificate");
    expect(server.isServing).toBe(false);
    await server.listen({ ...address, certificate });
    await server.close();
  });

  it("by serve()'s signal ends it, without the startup hooks that are left", async () => {
    const abort = new AbortController();
    const app = new ServerApp({ config, engine: memoryEngine(), certificate });
    const hooks: string[] = [];
    app.onStartup(() => {
      hooks.push("first");
      abort.abort();
    });
    app.onStartup(() => hooks.push("second"));
    app.onShutdown(() => hooks.push("shutdown"));
    await app.serve({ ...address, signal: abort.signal });
    expect(hooks).toEqual(["first", "shutdown"]);
    expect(app.server.isServing).toBe(false);
  });

  it("by Ctrl-C ends run()", async () => {
    const before = process.listeners("SIGINT");
    const interrupt = (): Promise<void> => {
      for (const listener of process.listeners("SIGINT")) if (!before.includes(listener)) listener("SIGINT");
      return app.close();
    };
    const network = memoryEngine();
    const app: ServerApp = new ServerApp({ config, engine: boundBy(network, interrupt), certificate });
    await app.run(address);
    await listenOn(network);
    expect(app.server.isServing).toBe(false);
    expect(process.listeners("SIGINT")).toEqual(before);
  });

  it("by a signal is told in the log", async () => {
    const before = process.listeners("SIGTERM");
    const told: unknown[] = [];
    const logger = { debug: () => {}, warn: () => {}, error: () => {}, info: (...line: unknown[]) => told.push(line) };
    const app = new ServerApp({ config: { logger }, engine: memoryEngine(), certificate });
    app.onStartup(() => {
      for (const listener of process.listeners("SIGTERM")) if (!before.includes(listener)) listener("SIGTERM");
    });
    await app.run(address);
    expect(told).toEqual([[{ signal: "SIGTERM" }, "the app is closing; a second signal ends it at once"]]);
  });

  it("before its startup hooks are done ends the start, and a later start is not touched by it", async () => {
    const app = new ServerApp({ config, engine: memoryEngine(), certificate });
    const [began, goOn] = [new Deferred<void>(), new Deferred<void>()];
    let starts = 0;
    app.onStartup(async () => {
      starts += 1;
      began.resolve();
      if (starts === 1) await goOn.promise;
    });
    const first = app.listen(address);
    await began.promise;
    await app.close();
    await expect(app.listen(address)).rejects.toThrow("Cannot listen: the app is starting already");
    goOn.resolve();
    await expect(first).rejects.toThrow("Cannot listen: the app was closed before it was listening");
    expect((await app.listen(address)).port).toBe(address.port);
    await app.close();
  });

  it("is not made by a failure of the engine alone: serve() runs the shutdown hooks, and the app can serve again", async () => {
    const endpoints: QuicEndpoint[] = [];
    const engine = memoryEngine();
    const app = new ServerApp({ config, engine: noting(engine, endpoints), certificate });
    const hooks: string[] = [];
    app.onStartup(() => void hooks.push("startup"));
    app.onShutdown(() => void hooks.push("shutdown"));
    for (let life = 1; life <= 2; life += 1) {
      await app.listen(address);
      const serving = app.serve();
      engine.breakEndpoint(endpoints.at(-1)!, "on purpose");
      await serving;
    }
    expect(hooks).toEqual(["startup", "shutdown", "startup", "shutdown"]);
  });

  it("gives a development server's page back, too", async () => {
    const isServing = new Deferred<undefined>();
    const engine = boundBy(memoryEngine(), () => {
      void closeOnceServing();
    });
    const app = createDevelopmentServer({ host: address.host, port: 0, pagePort: 0, config, engine });
    const closeOnceServing = async (): Promise<void> => {
      while (!app.server.isServing) await Promise.resolve();
      isServing.resolve(undefined);
      await app.close();
    };
    await expect(app.listen()).rejects.toMatchObject(closed);
    await isServing.promise;
    await expect(fetch(app.pageUrl ?? "")).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });
  });
});

describe("an app whose server was closed without it", () => {
  it("says so instead of listening, and listens again once it has been closed itself", async () => {
    const app = new ServerApp({ config });
    const first = await createTestPair(app);
    await app.server.close();
    await expect(app.listen()).rejects.toThrow(
      "the app's server was closed without the app: await close() of the app first",
    );
    await first.close();
    const second = await createTestPair(app);
    await expect(app.listen()).rejects.toThrow("the app is listening already");
    await second.close();
  });
});

describe("close() of an app in one of the hooks that it waits for", () => {
  const identity = generateSelfSignedCertificate();
  const address = { host: "127.0.0.1", port: 4433 };
  const refused = /^Cannot wait for the app's close\(\) in (a shutdown hook|a middleware's st(art|op)\(\)): /;

  function makeApp(): { app: ServerApp; log: string[] } {
    const log: string[] = [];
    const note = (_fields: object, message: string): void => void log.push(message);
    const logger = { debug: () => {}, info: () => {}, warn: note, error: note };
    const app = new ServerApp({ config: { logger }, engine: memoryEngine(), certificate: () => identity });
    return { app, log };
  }

  it("rejects in a shutdown hook, also later in it, and the app closes all the same", async () => {
    const { app, log } = makeApp();
    const told: unknown[] = [];
    const run: string[] = [];
    app.onShutdown(() => run.push("first"));
    app.onShutdown(async () => {
      await Promise.resolve();
      await app.close().catch((error: unknown) => told.push(error));
      run.push("second");
    });
    app.onShutdown(async () => {
      await app.close();
      run.push("never reached");
    });
    await app.listen(address);
    await app.close();
    expect(told).toMatchObject([{ name: "ServerError", message: expect.stringMatching(refused) as string }]);
    expect(run).toEqual(["second", "first"]);
    expect(log).toEqual(["a shutdown hook failed"]);
    await app.listen(address);
    await app.close();
  });

  it("rejects in a middleware's start() and stop()", async () => {
    const { app } = makeApp();
    const told: unknown[] = [];
    const middleware = Object.assign(() => true, {
      start: () => app.close().catch((error: unknown) => void told.push(error)),
      stop: () => app.close().catch((error: unknown) => void told.push(error)),
    });
    app.middleware(middleware);
    // It was asked to close while it was starting.
    await expect(app.listen(address)).rejects.toMatchObject({ name: "ServerError" });
    await app.close();
    expect(app.server.isServing).toBe(false);
    const message = expect.stringMatching(refused) as string;
    expect(told).toEqual([expect.objectContaining({ message }), expect.objectContaining({ message })]);
  });

  it("rejects for a server without an app, too", async () => {
    const told: unknown[] = [];
    const middleware = Object.assign(() => true, {
      stop: () => server.close().catch((error: unknown) => void told.push(error)),
    });
    const server: WebTransportServer = new WebTransportServer({
      config: { ...config, middleware: [middleware] },
      engine: memoryEngine(),
      certificate: () => identity,
    });
    await server.listen(address);
    await server.close();
    expect(told).toMatchObject([{ name: "ServerError" }]);
  });

  it("waits outside of them, also in what a hook has started, and for another app", async () => {
    const { app } = makeApp();
    const other = makeApp().app;
    const order: string[] = [];
    const later = new Deferred<void>();
    let started: Promise<void> | undefined;
    other.onShutdown(() => void order.push("other"));
    app.onShutdown(async () => {
      await other.close();
      started = later.promise.then(() => app.close()).then(() => void order.push("started by a hook"));
    });
    app.onShutdown(() => void order.push("hook"));
    await app.listen(address);
    await other.listen(address);
    const [first, second] = [app.close(), app.close()];
    await Promise.all([first, second]);
    order.push("closed");
    later.resolve();
    await started;
    expect(order).toEqual(["hook", "other", "closed", "started by a hook"]);
  });
});
