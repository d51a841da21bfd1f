import { AsyncLocalStorage } from "node:async_hooks";

import { context, createContextKey, metrics, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import type { Context, ContextManager, TextMapPropagator } from "@opentelemetry/api";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { contextOf, instrument, instrumentConnect } from "../../../src/opentelemetry/index.ts";
import type { Instrumented } from "../../../src/opentelemetry/index.ts";
import { AppWorld } from "../server/app/app-world.ts";

import { Telemetry } from "./telemetry.ts";

const tenantKey = createContextKey("tenant");

/** Carries one value of the context, and no span. */
const tenantPropagator: TextMapPropagator = {
  inject: (from, carrier, setter) => {
    const tenant = from.getValue(tenantKey);
    if (typeof tenant === "string") setter.set(carrier, "x-tenant", tenant);
  },
  extract: (to, carrier, getter) => {
    const tenant = getter.get(carrier, "x-tenant");
    return tenant === undefined ? to : to.setValue(tenantKey, tenant);
  },
  fields: () => ["x-tenant"],
};

/** Contexts alone, without a provider of spans. */
function contextManager(): ContextManager {
  const storage = new AsyncLocalStorage<Context>();
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (active, call, self, ...values) => storage.run(active, () => call.call(self as never, ...values)),
    bind: (_, target) => target,
    enable: () => manager,
    disable: () => manager,
  };
  return manager;
}

const instrumentations: Instrumented[] = [];
let world: AppWorld;
beforeEach(() => {
  world = new AppWorld();
});
afterEach(async () => {
  await world.close();
  for (const each of instrumentations.splice(0)) each.disable();
  context.disable();
  trace.disable();
  metrics.disable();
});

describe("without an SDK", () => {
  it("handlers run and fail as they would without instrumentation", async () => {
    instrumentations.push(instrument(world.app), instrumentConnect());
    const failures: unknown[] = [];
    world.app.route("/fails", () => Promise.reject(new Error("broken")));
    world.app.route("/works", (session) => session.datagrams.send("done"));
    world.app.onError((error) => failures.push(error));
    await world.listen();
    const working = await world.connect("/works");
    expect(new TextDecoder().decode((await working.datagrams.receive())!)).toBe("done");
    await (
      await world.connect("/fails")
    ).closed;
    await expect(world.connect("/nowhere")).rejects.toMatchObject({ status: 404 });
    expect(failures).toMatchObject([{ message: "broken" }]);
  });

  it("follows sessions from when an SDK is registered", async () => {
    instrumentations.push(instrument(world.app));
    world.app.route("/", async () => {});
    await world.listen();
    const visit = async (): Promise<void> => {
      await (
        await world.connect("/")
      ).closed;
      await world.pair.engine.clock.settle();
    };
    await visit();
    const telemetry = new Telemetry().register();
    await visit();
    expect(telemetry.serverSpans).toHaveLength(1);
    expect(telemetry.serverSpans[0]?.attributes).toMatchObject({ "url.path": "/", "http.route": "/" });
    await telemetry.shutdown();
  });

  it("passes on what a request has brought", async () => {
    context.setGlobalContextManager(contextManager());
    const options = { propagator: tenantPropagator };
    instrumentations.push(instrument(world.app, options), instrumentConnect(options));
    const seen: unknown[] = [];
    world.app.route("/", async (session) => {
      seen.push(context.active().getValue(tenantKey), contextOf(session).getValue(tenantKey));
    });
    await world.listen();
    const visit = async (of: Context): Promise<void> => {
      await (
        await context.with(of, () => world.connect("/"))
      ).closed;
    };
    await visit(context.active().setValue(tenantKey, "blue"));
    await visit(context.active());
    expect(seen).toEqual(["blue", "blue", undefined, undefined]);
  });

  it("records metrics where only those have one", async () => {
    const telemetry = new Telemetry();
    instrumentations.push(instrument(world.app, { meterProvider: telemetry.meterProvider }));
    world.app.route("/", async () => {});
    await world.listen();
    await (
      await world.connect("/")
    ).closed;
    await world.pair.engine.clock.settle();
    const collected = await telemetry.collect();
    for (const name of ["request.duration", "session.duration"]) {
      expect(collected.value(name, { "http.route": "/" })).toMatchObject({ count: 1 });
    }
    await telemetry.shutdown();
  });
});
