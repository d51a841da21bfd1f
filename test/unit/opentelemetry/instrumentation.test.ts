import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { SpanKind, trace } from "@opentelemetry/api";
import type { TextMapPropagator } from "@opentelemetry/api";
import { registerInstrumentations } from "@opentelemetry/instrumentation";
import * as stable from "@opentelemetry/semantic-conventions";
import { afterEach, describe, expect, it } from "vitest";

import { ConfigurationError } from "../../../src/errors/errors.ts";
import { instrument, instrumentConnect, WebTransportInstrumentation } from "../../../src/opentelemetry/index.ts";
import { Attribute, EventName, OwnAttribute, scope } from "../../../src/opentelemetry/names.ts";
import { WebTransportServer } from "../../../src/server/server.ts";
import { AppWorld } from "../server/app/app-world.ts";

import { Telemetry } from "./telemetry.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const worlds: AppWorld[] = [];
const telemetries: Telemetry[] = [];
const disposables: { disable(): void }[] = [];

function makeWorld(): AppWorld {
  const world = new AppWorld();
  world.app.route("/", async () => {});
  worlds.push(world);
  return world;
}

function makeTelemetry(): Telemetry {
  const telemetry = new Telemetry();
  telemetries.push(telemetry);
  return telemetry;
}

async function visit(world: AppWorld): Promise<void> {
  await (
    await world.connect("/")
  ).closed;
  await world.pair.engine.clock.settle();
}

afterEach(async () => {
  for (const each of disposables.splice(0)) each.disable();
  for (const each of worlds.splice(0)) await each.close();
  for (const each of telemetries.splice(0)) await each.shutdown();
});

describe("instrument()", () => {
  it("ends with disable() or using, for requests that come later", async () => {
    const telemetry = makeTelemetry();
    const world = makeWorld();
    const { resolve, promise } = gate();
    world.app.route("/wait", () => promise);
    const instrumented = instrument(world.app, { tracerProvider: telemetry.tracerProvider });
    await world.listen();
    const waiting = await world.connect("/wait");
    instrumented.disable();
    instrumented[Symbol.dispose]();
    expect(instrumented.isDisabled).toBe(true);
    await visit(world);
    expect(telemetry.spans).toEqual([]);
    resolve();
    await waiting.closed;
    await world.pair.engine.clock.settle();
    // What had begun ends as it would have.
    expect(telemetry.spans.map(({ name }) => name)).toEqual(["CONNECT /wait"]);
  });

  it("makes one span of a session when it is called twice: the last call counts", async () => {
    const [first, second] = [makeTelemetry(), makeTelemetry()];
    const world = makeWorld();
    const before = instrument(world.app, { tracerProvider: first.tracerProvider, meterProvider: first.meterProvider });
    instrument(world.app.server, { tracerProvider: second.tracerProvider, meterProvider: second.meterProvider });
    expect(before.isDisabled).toBe(true);
    await world.listen();
    await visit(world);
    expect([first.spans.length, second.spans.length]).toEqual([0, 1]);
    expect((await first.collect()).points("active_sessions")).toEqual([]);
    expect((await second.collect()).points("active_sessions")).toHaveLength(1);
    before.disable();
    await visit(world);
    expect(second.spans).toHaveLength(2);
  });

  it.each([undefined, null, {}, { server: {} }, { observers: {} }, "app"])("refuses %o", (target) => {
    expect(() => instrument(target as never)).toThrow(ConfigurationError);
    expect(() => instrument(target as never)).toThrow("the target must be a WebTransportServer or a ServerApp");
  });

  it("takes a propagator of its own", async () => {
    const telemetry = makeTelemetry();
    const world = makeWorld();
    const carried: unknown[] = [];
    const propagator: TextMapPropagator = {
      fields: () => ["x-trace"],
      inject: () => {},
      extract: (context, carrier, getter) => {
        carried.push(getter.get(carrier, "X-Trace"), getter.keys(carrier).includes(":path"));
        return context;
      },
    };
    instrument(world.app, { tracerProvider: telemetry.tracerProvider, propagator });
    await world.listen();
    await (
      await world.connect("/", { headers: { "x-trace": "1" } })
    ).closed;
    expect(carried).toEqual(["1", false]);
  });

  it("answers requests when the provider or the propagator fails", async () => {
    const telemetry = makeTelemetry();
    const world = makeWorld();
    const fail = (): never => {
      throw new Error("broken");
    };
    instrument(world.app, {
      tracerProvider: telemetry.tracerProvider,
      propagator: { fields: () => [], inject: fail, extract: fail },
    });
    const connecting = instrumentConnect({
      tracerProvider: telemetry.tracerProvider,
      propagator: { fields: () => [], inject: fail, extract: fail },
    });
    disposables.push(connecting);
    await world.listen();
    expect(await world.statusOf("/")).toBe(200);
    expect(await world.statusOf("/nowhere")).toBe(404);
  });

  it("gives spans to a provider that is registered later", async () => {
    const world = makeWorld();
    instrument(world.app);
    await world.listen();
    await visit(world);
    const telemetry = makeTelemetry().register();
    await visit(world);
    trace.disable();
    expect(telemetry.serverSpans).toHaveLength(1);
  });

  it("works without any SDK", async () => {
    const world = makeWorld();
    instrument(world.app);
    disposables.push(instrumentConnect());
    await world.listen();
    expect(await world.statusOf("/")).toBe(200);
  });
});

describe("instrumentConnect()", () => {
  it("makes the server's span a child of the client's, which ends with the session", async () => {
    const telemetry = makeTelemetry().register();
    const world = makeWorld();
    instrument(world.app);
    disposables.push(instrumentConnect());
    await world.listen();
    await trace.getTracer("test").startActiveSpan("caller", async (span) => {
      await (
        await world.connect("/?token=secret")
      ).closed;
      span.end();
    });
    await world.close();
    const [client] = telemetry.spans.filter(({ kind }) => kind === SpanKind.CLIENT);
    const [server] = telemetry.serverSpans;
    const [caller] = telemetry.spans.filter(({ name }) => name === "caller");
    expect(server?.parentSpanContext?.spanId).toBe(client?.spanContext().spanId);
    expect(client?.parentSpanContext?.spanId).toBe(caller?.spanContext().spanId);
    expect(client?.attributes).toMatchObject({
      "network.transport": "quic",
      "http.request.method": "CONNECT",
      "http.response.status_code": 200,
      "url.full": `${world.pair.origin}/?token=[redacted]`,
      "webtransport.session.closed_by": "peer",
      "webtransport.session.close.code": 0,
    });
    trace.disable();
  });

  it("tells of a refusal and of an abort", async () => {
    const telemetry = makeTelemetry();
    const world = makeWorld();
    disposables.push(instrumentConnect({ tracerProvider: telemetry.tracerProvider }));
    await world.listen();
    expect(await world.statusOf("/nowhere")).toBe(404);
    await expect(world.connect("/", { signal: AbortSignal.abort(new RangeError("enough")) })).rejects.toThrow("enough");
    expect(
      telemetry.spans.map(({ attributes }) => [attributes["http.response.status_code"], attributes["error.type"]]),
    ).toEqual([
      [404, "404"],
      [undefined, "RangeError"],
    ]);
  });

  it("ends the span of a call that disable() overtakes, and leaves nothing subscribed", async () => {
    const telemetry = makeTelemetry();
    const world = makeWorld();
    const { resolve, promise } = gate();
    world.app.middleware(async () => {
      await promise;
      return true;
    });
    const instrumented = instrumentConnect({ tracerProvider: telemetry.tracerProvider });
    await world.listen();
    const connecting = world.connect("/");
    await expect.poll(() => world.app.server.getServerStats().requests).toBe(1);
    instrumented.disable();
    resolve();
    await (
      await connecting
    ).closed;
    expect(telemetry.spans).toHaveLength(1);
    const { connectChannel } = await import("../../../src/client/connect-channel.ts");
    expect(connectChannel.hasSubscribers).toBe(false);
  });
});

describe("WebTransportInstrumentation", () => {
  it("is registered like any other, and instruments servers and clients that are made later", async () => {
    const telemetry = makeTelemetry();
    const { tracerProvider, meterProvider } = telemetry;
    const instrumentation = new WebTransportInstrumentation();
    disposables.push(instrumentation);
    const early = makeWorld();
    const end = registerInstrumentations({ instrumentations: [instrumentation], tracerProvider, meterProvider });
    const late = makeWorld();
    for (const world of [early, late]) {
      await world.listen();
      await visit(world);
    }
    expect(telemetry.serverSpans).toHaveLength(2);
    expect(telemetry.spans.filter(({ kind }) => kind === SpanKind.CLIENT)).toHaveLength(2);
    expect((await telemetry.collect()).points("active_sessions").length).toBeGreaterThan(0);
    end();
    const last = await makeWorld().listen();
    for (const world of [early, late, last]) await visit(world);
    expect(telemetry.spans).toHaveLength(4);
  });

  it("waits for enable() where it is told to", async () => {
    const telemetry = makeTelemetry();
    const instrumentation = new WebTransportInstrumentation({ enabled: false });
    disposables.push(instrumentation);
    instrumentation.setTracerProvider(telemetry.tracerProvider);
    const before = makeWorld();
    instrumentation.enable();
    instrumentation.enable();
    const after = makeWorld();
    for (const world of [before, after]) await world.listen();
    const tracesOf = async (world: AppWorld) => {
      telemetry.reset();
      await visit(world);
      return telemetry.serverSpans.length;
    };
    expect([await tracesOf(before), await tracesOf(after)]).toEqual([0, 1]);
  });

  it("keeps no server alive", async () => {
    const telemetry = makeTelemetry();
    const instrumentation = new WebTransportInstrumentation();
    disposables.push(instrumentation);
    instrumentation.setMeterProvider(telemetry.meterProvider);
    const made = new WeakRef(new WebTransportServer());
    await telemetry.collect();
    await expect
      .poll(() => {
        collectGarbage();
        return made.deref() === undefined;
      })
      .toBe(true);
    // The callback of a server that is gone ends itself.
    expect((await telemetry.collect()).points("active_sessions")).toEqual([]);
  });

  it("leaves a server alone that the application has instrumented itself", async () => {
    const [general, own] = [makeTelemetry(), makeTelemetry()];
    const instrumentation = new WebTransportInstrumentation();
    disposables.push(instrumentation);
    const world = makeWorld();
    instrument(world.app, { tracerProvider: own.tracerProvider });
    instrumentation.setTracerProvider(general.tracerProvider);
    await world.listen();
    await visit(world);
    expect([general.serverSpans.length, own.serverSpans.length]).toEqual([0, 1]);
  });
});

describe("names", () => {
  it("are stable ones of the semantic conventions, or begin with webtransport.", () => {
    const known = new Set<unknown>(
      Object.entries(stable).flatMap(([key, value]) => (key.startsWith("ATTR_") ? [value] : [])),
    );
    expect(Object.values(Attribute).filter((name) => !known.has(name))).toEqual([]);
    for (const name of [...Object.values(OwnAttribute), ...Object.values(EventName)]) {
      expect(name).toMatch(/^webtransport\.[a-z_.]+$/);
    }
  });

  it("have the version of the package", () => {
    const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
    const { name, version } = JSON.parse(text) as { name: string; version: string };
    expect(scope).toEqual({ name, version });
  });
});

function gate() {
  let resolve!: () => void;
  const promise = new Promise<void>((fulfil) => {
    resolve = fulfil;
  });
  return { resolve, promise };
}
