import { afterEach, describe, expect, it } from "vitest";

import { ServerApp } from "../../../../src/server/app.ts";
import type { Middleware } from "../../../../src/server/middleware/middleware.ts";
import type { WebTransportSession } from "../../../../src/transport/session/session.ts";

import { AppWorld } from "./app-world.ts";

const open = (session: WebTransportSession<object, unknown>): Promise<unknown> => session.closed;
const configurationError = expect.objectContaining({ name: "ConfigurationError" }) as Error;

describe("an app that is mounted in another", () => {
  let world: AppWorld;
  let log: string[];

  afterEach(async () => {
    await world.close();
  });

  function start(): ServerApp {
    world = new AppWorld();
    log = [];
    return world.app;
  }
  const passing = (name: string): Middleware =>
    ({
      [name]: () => {
        log.push(name);
        return true;
      },
    })[name]!;
  const noting = (session: WebTransportSession): Promise<unknown> => {
    log.push(`${session.path} ${JSON.stringify(session.params)} ${JSON.stringify(session.pathParams)}`);
    return session.closed;
  };

  it("has its routes under the prefix: those it had before and those it gets later", async () => {
    const app = start();
    const chat = new ServerApp();
    chat.route("/", noting);
    chat.route("/rooms/:room", noting);
    app.mount("/räume/", chat);
    chat.route("/later", noting);
    chat.patternRoute(/^\/users\/(?<id>\d+)$/, noting);
    await world.listen();
    for (const path of ["/r%C3%A4ume", "/räume/rooms/a%20b", "/räume/later", "/räume/users/7"]) {
      expect([path, await world.statusOf(path)]).toEqual([path, 200]);
    }
    chat.route("/much-later", noting);
    expect(await world.statusOf("/räume/much-later")).toBe(200);
    expect(log).toEqual([
      "/r%C3%A4ume {} []",
      '/r%C3%A4ume/rooms/a%20b {"room":"a b"} ["a b"]',
      "/r%C3%A4ume/later {} []",
      '/r%C3%A4ume/users/7 {"id":"7"} ["7"]',
      "/r%C3%A4ume/much-later {} []",
    ]);
    for (const path of ["/", "/räume/", "/rooms/1", "/later", "/users/7", "/räume/x", "/räumerooms/1"]) {
      expect([path, await world.statusOf(path)]).toEqual([path, 404]);
    }
  });

  it("has its middleware behind ours, and only for its own routes; apps can be mounted in mounted ones", async () => {
    const app = start();
    const chat = new ServerApp({ config: { middleware: [passing("chatConfig")] } });
    const admin = new ServerApp();
    app.middleware(passing("outer"));
    admin.route("/users", { middleware: [passing("route")] }, open);
    chat.route("/room", open);
    app.route("/own", open);
    app.mount("/chat", chat);
    chat.mount("/admin", admin);
    chat.middleware(passing("chat"));
    admin.middleware(passing("admin"));
    await world.listen();
    expect(await world.statusOf("/chat/admin/users")).toBe(200);
    expect(log.splice(0)).toEqual(["outer", "chatConfig", "chat", "admin", "route"]);
    expect(await world.statusOf("/chat/room")).toBe(200);
    expect(log.splice(0)).toEqual(["outer", "chatConfig", "chat"]);
    expect(await world.statusOf("/own")).toBe(200);
    expect(await world.statusOf("/chat/nowhere")).toBe(404);
    expect(log).toEqual(["outer", "outer"]);
    expect(app.routes()).toEqual([
      { path: "/own", protocols: [], middleware: ["outer"] },
      { path: "/chat/room", protocols: [], middleware: ["outer", "chatConfig", "chat"] },
      { path: "/chat/admin/users", protocols: [], middleware: ["outer", "chatConfig", "chat", "admin", "route"] },
    ]);
    expect(chat.routes().map(({ path }) => path)).toEqual(["/room", "/admin/users"]);
  });

  it("shows its routes with what they speak", () => {
    const app = start();
    const chat = new ServerApp();
    chat.patternRoute("/n/(\\d+)", { protocols: ["chat.v2", "chat.v1"] }, open);
    app.mount("/chat", chat);
    app.mount("/", new ServerApp());
    expect(app.routes()).toEqual([{ pattern: "/chat/n/(\\d+)", protocols: ["chat.v2", "chat.v1"], middleware: [] }]);
  });

  it("has its hooks and the life of its middleware with ours", async () => {
    const app = start();
    const chat = new ServerApp();
    const living = (name: string): Middleware =>
      Object.assign(() => true, {
        start: () => void log.push(`${name} starts`),
        stop: () => void log.push(`${name} stops`),
      });
    const shared = living("shared");
    app.middleware(shared);
    chat.middleware(living("chat"));
    chat.route("/", { middleware: [shared, living("route")] }, open);
    app.onStartup(() => log.push("app begins"));
    app.onShutdown(() => log.push("app ends"));
    app.mount("/chat", chat);
    chat.onStartup(() => log.push("chat begins"));
    chat.onShutdown(() => log.push("chat ends"));
    app.onStartup(() => log.push("app goes on"));
    await world.listen();
    expect(log.splice(0)).toEqual([
      "shared starts",
      "chat starts",
      "route starts",
      "app begins",
      "chat begins",
      "app goes on",
    ]);
    await world.close();
    expect(log).toEqual(["chat ends", "app ends", "route stops", "chat stops", "shared stops"]);
  });

  it("ends with ours: its own close() does nothing", async () => {
    const app = start();
    const chat = new ServerApp();
    chat.middleware(Object.assign(() => true, { stop: () => void log.push("middleware stops") }));
    chat.onShutdown(async () => {
      log.push("chat ends");
      await chat.close();
    });
    app.mount("/chat", chat);
    await world.listen();
    await chat.close();
    expect(log).toEqual([]);
    chat.route("/", open);
    expect(app.routes()).toHaveLength(1);
    await world.close();
    expect(log).toEqual(["chat ends", "middleware stops"]);
  });

  it("tells its own onError of its handlers and middleware, and ours where it has none", async () => {
    const app = start();
    const [chat, quiet] = [new ServerApp(), new ServerApp()];
    const fails = (): Promise<never> => Promise.reject(new Error("on purpose"));
    for (const mounted of [chat, quiet]) {
      mounted.route("/handler", fails);
      mounted.route("/middleware", { middleware: [fails] }, open);
    }
    app.onError(() => void log.push("app"));
    chat.onError(() => void log.push("chat"));
    app.mount("/chat", chat);
    app.mount("/quiet", quiet);
    await world.listen();
    for (const path of ["/chat", "/quiet"]) {
      await (
        await world.connect(`${path}/handler`)
      ).closed;
      expect(await world.statusOf(`${path}/middleware`)).toBe(500);
    }
    expect(log).toEqual(["chat", "chat", "app", "app"]);
  });

  it("is refused where its routes meet others, and nothing of it is there then", async () => {
    const app = start();
    const chat = new ServerApp();
    chat.route("/free", open);
    chat.route("/room", open);
    app.route("/chat/room", open);
    expect(() => app.mount("/chat", chat)).toThrow(configurationError);
    expect(app.routes()).toHaveLength(1);
    app.mount("/other", chat);
    expect(() => app.route("/other/room", open)).toThrow("it is registered already");
    app.route("/other/late", open);
    expect(() => chat.route("/late", open)).toThrow("it is registered already");
    expect(chat.routes().map(({ path }) => path)).toEqual(["/free", "/room"]);
    const inner = new ServerApp();
    inner.route("/late", open);
    expect(() => chat.mount("/", inner)).toThrow("it is registered already");
    await world.listen();
    expect(await world.statusOf("/other/free")).toBe(200);
  });

  it("is refused twice, in itself, in a circle, under no path, and when it listens or has closed", async () => {
    const app = start();
    const [one, two, closed] = [new ServerApp(), new ServerApp(), new ServerApp()];
    app.mount("/one", one);
    one.mount("/two", two);
    await closed.close();
    for (const mount of [
      () => app.mount("/again", one),
      () => two.mount("/one", one),
      () => app.mount("/self", app),
      () => two.mount("/top", app),
      () => app.mount("chat", new ServerApp()),
      () => app.mount("/:room", new ServerApp()),
      () => app.mount("/closed", closed),
      () => closed.mount("/x", new ServerApp()),
    ]) {
      expect(mount).toThrow(configurationError);
    }
    await expect(one.listen()).rejects.toThrow("the app is mounted in another");
    await world.listen();
    expect(() => new ServerApp().mount("/x", app)).toThrow("it listens already");
  });
});
