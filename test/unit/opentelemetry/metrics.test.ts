import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { Histogram } from "@opentelemetry/sdk-metrics";

import { instrument } from "../../../src/opentelemetry/index.ts";
import { ServerApp } from "../../../src/server/app.ts";
import { echoHandler } from "../../../src/server/handlers.ts";
import { createTestPair, memoryEngine } from "../../../src/testing/index.ts";
import { AppWorld } from "../server/app/app-world.ts";

import { Telemetry } from "./telemetry.ts";

let telemetry: Telemetry;
let world: AppWorld;
beforeEach(() => {
  telemetry = new Telemetry();
  world = new AppWorld();
  instrument(world.app, { tracerProvider: telemetry.tracerProvider, meterProvider: telemetry.meterProvider });
});
afterEach(async () => {
  await world.close();
  await telemetry.shutdown();
});

describe("the metrics of a server", () => {
  it("count what the client did, while its session lives and when it has ended", async () => {
    world.app.route("/echo", echoHandler);
    await world.listen();
    const session = await world.connect("/echo");
    const stream = await session.createBidirectionalStream();
    await stream.writeAll("12345");
    expect(await stream.readAll()).toHaveLength(5);
    await session.datagrams.send("abc");
    expect(await session.datagrams.receive()).toHaveLength(3);
    const during = await telemetry.collect();
    expect(during.value("active_sessions")).toBe(1);
    expect(during.value("active_connections")).toBe(1);
    expect(during.value("active_requests")).toBe(0);
    const traffic = (metrics: typeof during) => ({
      streams: metrics.value("streams"),
      received: metrics.value("io", { "webtransport.direction": "received" }),
      sent: metrics.value("io", { "webtransport.direction": "sent" }),
      datagramsReceived: metrics.value("datagrams", { "webtransport.direction": "received" }),
      datagramsSent: metrics.value("datagrams", { "webtransport.direction": "sent" }),
      dropped: metrics.value("datagrams.dropped"),
      errors: metrics.value("stream.errors"),
      violations: metrics.value("protocol_errors"),
    });
    const expected = {
      streams: 1,
      received: 5,
      sent: 5,
      datagramsReceived: 1,
      datagramsSent: 1,
      dropped: 0,
      errors: 0,
      violations: 0,
    };
    expect(traffic(during)).toEqual(expected);
    expect(during.points("session.duration")).toEqual([]);
    await session.close();
    await world.pair.engine.clock.settle();
    const after = await telemetry.collect();
    expect(traffic(after)).toEqual(expected);
    expect(after.value("active_sessions")).toBe(0);
    expect(after.value("active_streams")).toBe(0);
    expect(after.value("sessions.aborted")).toBe(0);
    const [duration, ...others] = after.points("session.duration");
    expect(others).toEqual([]);
    expect(duration?.value).toMatchObject({ count: 1 });
    expect(duration?.attributes).toEqual({
      "http.request.method": "CONNECT",
      "http.route": "/echo",
      "network.transport": "quic",
      "network.protocol.name": "http",
      "network.protocol.version": "3",
      "url.scheme": "https",
      "webtransport.session.closed_by": "peer",
    });
  });

  it("count requests by their outcome, and time them until their answer", async () => {
    let fails = false;
    world.app.middleware(() => {
      if (fails) throw new TypeError("broken");
      return true;
    });
    world.app.route("/ok/:id", async () => {});
    await world.listen();
    for (const id of [1, 2, 3]) await (await world.connect(`/ok/${id}`)).closed;
    expect(await world.statusOf("/nowhere")).toBe(404);
    fails = true;
    expect(await world.statusOf("/ok/4")).toBe(500);
    const metrics = await telemetry.collect();
    expect(metrics.value("requests", { "webtransport.request.outcome": "accepted" })).toBe(3);
    expect(metrics.value("requests", { "webtransport.request.outcome": "abandoned" })).toBe(0);
    expect(metrics.value("requests", { "webtransport.rejection.kind": "route" })).toBe(1);
    expect(metrics.value("requests", { "webtransport.rejection.kind": "middleware_error" })).toBe(1);
    expect(metrics.value("connections", { "webtransport.connection.outcome": "accepted" })).toBe(5);
    const points = metrics.points("request.duration").map(({ attributes, value }) => ({
      outcome: attributes["webtransport.request.outcome"],
      status: attributes["http.response.status_code"],
      route: attributes["http.route"],
      error: attributes["error.type"],
      count: (value as Histogram).count,
    }));
    expect(points).toEqual([
      { outcome: "accepted", status: 200, route: "/ok/:id", error: undefined, count: 3 },
      { outcome: "rejected", status: 404, route: undefined, error: undefined, count: 1 },
      { outcome: "rejected", status: 500, route: undefined, error: "TypeError", count: 1 },
    ]);
    const sum = (metrics.points("request.duration")[0]?.value as Histogram).sum;
    expect(sum).toBeGreaterThan(0);
    expect(sum).toBeLessThan(60);
  });

  it("have units and descriptions, and the address that the server listens on", async () => {
    await world.listen();
    world.app.route("/", async () => {});
    await (
      await world.connect("/")
    ).closed;
    const metrics = await telemetry.collect();
    expect(metrics.names.length).toBeGreaterThan(10);
    for (const name of metrics.names) {
      expect(name).toMatch(/^webtransport\.server\.[a-z_.]+$/);
      const { descriptor } = metrics.find(name.replace("webtransport.server.", "")) ?? {};
      expect(descriptor?.unit).toMatch(/^(s|By|\{[a-z]+\})$/);
      expect(descriptor?.description).toMatch(/^[A-Z].*\.$/);
    }
    const { port } = world.app.server.localAddress ?? {};
    expect(metrics.points("active_sessions").map(({ attributes }) => attributes["network.local.port"])).toEqual([port]);
  });

  it("keep two servers apart", async () => {
    // On one network, so that each has a port of its own.
    const engine = memoryEngine();
    const apps = [1, 2].map(() => new ServerApp({ config: { logLevel: "silent" } }));
    const pairs = await Promise.all(
      apps.map((app) => {
        instrument(app, { meterProvider: telemetry.meterProvider });
        app.route("/", (session) => session.closed);
        return createTestPair(app, { engine });
      }),
    );
    for (const index of [0, 0, 1]) await pairs[index]?.connect("/");
    const metrics = await telemetry.collect();
    const values = apps.map(({ server }) =>
      metrics.value("active_sessions", { "network.local.port": server.localAddress?.port }),
    );
    expect(values).toEqual([2, 1]);
    for (const pair of pairs) await pair.close();
  });

  it("end with disable(), and say nothing of a server that never listened", async () => {
    const telemetryOfOne = new Telemetry();
    const meterProvider = telemetryOfOne.meterProvider;
    const one = new AppWorld();
    const instrumented = instrument(one.app, { meterProvider });
    expect((await telemetryOfOne.collect()).points("active_sessions")).toEqual([]);
    await one.listen();
    expect((await telemetryOfOne.collect()).points("active_sessions")).toHaveLength(1);
    instrumented.disable();
    one.app.route("/", (session) => session.closed);
    await one.connect("/");
    expect(one.app.server.getServerStats().sessions).toBe(1);
    // The SDK repeats what it was told last.
    expect((await telemetryOfOne.collect()).value("active_sessions")).toBe(0);
    await one.close();
    await telemetryOfOne.shutdown();
  });
});
