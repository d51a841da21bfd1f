import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { connectChannel } from "../../../src/client/connect-channel.ts";
import type { ConnectMessage } from "../../../src/client/connect-channel.ts";
import { WebTransportServer } from "../../../src/server/server.ts";
import type { ServerObserver } from "../../../src/server/index.ts";

import { AppWorld } from "./app/app-world.ts";

let world: AppWorld;
let calls: string[];
beforeEach(() => {
  calls = [];
  world = new AppWorld();
  world.app.route("/rooms/:room", async () => void calls.push("handler"));
  world.app.middleware((request) => {
    calls.push(`middleware ${String(request.route)}`);
    return true;
  });
});
afterEach(async () => {
  await world.close();
});

function observer(name: string, changes: Partial<ServerObserver> = {}): ServerObserver {
  return {
    requestArrived: ({ path }) => void calls.push(`${name} arrived ${path}`),
    requestRefused: ({ status }, { rejection }) => void calls.push(`${name} refused ${status} ${rejection.kind}`),
    answering: async (request, answer) => {
      calls.push(`${name} answering`);
      await answer();
      calls.push(`${name} answered ${String(request.route)}`);
    },
    handling: async (_request, session, handle) => {
      calls.push(`${name} handling ${session.path}`);
      await handle().finally(() => calls.push(`${name} handled`));
    },
    ...changes,
  };
}

async function visit(path = "/rooms/1"): Promise<unknown> {
  const status = await world.statusOf(path);
  await world.pair.engine.clock.settle();
  return status;
}

describe("observers of a server", () => {
  it("stand around the answering of a request and around its handler, the last one outermost", async () => {
    world.app.server.observers.add(observer("a"));
    world.app.server.observers.add(observer("b"));
    await world.listen();
    expect(await visit()).toBe(200);
    expect(calls).toEqual([
      "a arrived /rooms/1",
      "b arrived /rooms/1",
      "b answering",
      "a answering",
      "middleware undefined",
      "b handling /rooms/1",
      "a handling /rooms/1",
      "handler",
      "a handled",
      "b handled",
      "a answered /rooms/:room",
      "b answered /rooms/:room",
    ]);
  });

  it("see nothing any more when they are taken away", async () => {
    const one = observer("a");
    const { observers } = world.app.server;
    observers.add(one);
    expect([observers.delete(one), observers.delete(one)]).toEqual([true, false]);
    await world.listen();
    expect(await visit()).toBe(200);
    expect(calls).toEqual(["middleware undefined", "handler"]);
  });

  it("see requests that no route matches, and those that the core turns down", async () => {
    const strict = new AppWorld({ authorities: ["example.com"] });
    strict.app.server.observers.add(observer("a"));
    await strict.listen();
    expect(await strict.statusOf("/")).toBe(421);
    await strict.close();
    expect(calls.splice(0)).toEqual(["a refused 421 authority"]);
    world.app.server.observers.add(observer("a"));
    await world.listen();
    expect(await visit("/nowhere")).toBe(404);
    expect(calls).toEqual(["a arrived /nowhere", "a answering", "middleware undefined", "a answered undefined"]);
  });

  it("that fail in answering are answered with 500, in handling end the session, and elsewhere are reported", async () => {
    const fail = (): never => {
      throw new Error("a bug in the observer");
    };
    const warnings: string[] = [];
    const onWarning = ({ message }: Error): void => void warnings.push(message);
    process.on("warning", onWarning);
    await world.listen();
    const { observers } = world.app.server;
    const codes: unknown[] = [];
    for (const method of ["requestArrived", "answering", "handling"] as const) {
      const one = observer("a", { [method]: fail });
      observers.add(one);
      codes.push(
        await world.connect("/rooms/1").then(
          async (session) => (await session.closed) as unknown,
          (error: unknown) => (error as { status: unknown }).status,
        ),
      );
      observers.delete(one);
    }
    await world.pair.engine.clock.settle();
    process.off("warning", onWarning);
    expect(codes).toMatchObject([{ clean: true, code: 0 }, 500, { clean: true, code: 1 }]);
    expect(warnings.filter((text) => text.includes('"observer"'))).toEqual([
      expect.stringContaining("a bug in the observer"),
    ]);
  });
});

describe("diagnostics channels", () => {
  it("tell of each server that is made", () => {
    const made: unknown[] = [];
    const onServer = (message: unknown): void => void made.push(message);
    const created = "tswebtransport:server_created";
    subscribe(created, onServer);
    const server = new WebTransportServer();
    unsubscribe(created, onServer);
    new WebTransportServer();
    expect(made).toEqual([{ server }]);
  });

  it("tell of connect(), and let a subscriber add headers", async () => {
    const told: [string, ConnectMessage][] = [];
    const onStart = (message: unknown): void => {
      (message as ConnectMessage).headers.set("x-added", "1");
      told.push(["start", { ...(message as ConnectMessage) }]);
    };
    const onEnd = (message: unknown): void => void told.push(["end", message as ConnectMessage]);
    const seen: (string | null)[] = [];
    world.app.middleware(({ headers }) => {
      seen.push(headers.get("x-added"), headers.get("x-own"), headers.get("user-agent"));
      return true;
    });
    await world.listen();
    subscribe(connectChannel.start.name, onStart);
    subscribe(connectChannel.asyncEnd.name, onEnd);
    const session = await world.connect("/rooms/1", { headers: { "x-own": "2" } });
    await expect(world.connect("/nowhere")).rejects.toMatchObject({ status: 404 });
    unsubscribe(connectChannel.start.name, onStart);
    unsubscribe(connectChannel.asyncEnd.name, onEnd);
    await (
      await world.connect("/rooms/2")
    ).closed;
    expect(seen).toEqual(["1", "2", "tswebtransport", "1", null, "tswebtransport", null, null, "tswebtransport"]);
    expect(told.map(([type, { url }]) => [type, url.pathname])).toEqual([
      ["start", "/rooms/1"],
      ["end", "/rooms/1"],
      ["start", "/nowhere"],
      ["end", "/nowhere"],
    ]);
    expect(told[1]?.[1].result).toBe(session);
    expect(told[3]?.[1].error).toMatchObject({ status: 404 });
  });
});

describe("what is no observer", () => {
  it.each([undefined, null, 5, () => {}, {}, { requestArrived: () => {} }, { ...observer("a"), handling: "yes" }])(
    "is refused at the call: %j",
    (given) => {
      const { observers } = world.app.server;
      const wrong = given as unknown as ServerObserver;
      const refused = expect.objectContaining({ name: "ConfigurationError", configKey: "observer" }) as Error;
      expect(() => observers.add(wrong)).toThrow(refused);
      expect(() => observers.add(wrong)).toThrow("must have the methods requestArrived");
      expect(observers.delete(wrong)).toBe(false);
    },
  );
});
