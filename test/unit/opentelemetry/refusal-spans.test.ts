import { SpanStatusCode } from "@opentelemetry/api";
import { describe, expect, it } from "vitest";

import { Deferred } from "../../../src/async/promises.ts";
import { instrument } from "../../../src/opentelemetry/index.ts";
import { RejectionResponse } from "../../../src/server/middleware/rejection-response.ts";
import type { IncomingSession } from "../../../src/transport/session/request.ts";
import { AppWorld } from "../server/app/app-world.ts";

import { eventNames } from "./telemetry.ts";
import { parentId, telemetry, traceId, traceparent, world } from "./traced-world.ts";

describe("the span of a request that is not accepted", () => {
  it("tells status, kind and reason of a refusal, which is no error of the server", async () => {
    world.app.route("/a", async () => {});
    await world.listen();
    expect(await world.statusOf("/nowhere")).toBe(404);
    const [span, ...others] = telemetry.serverSpans;
    expect(others).toEqual([]);
    expect(span).toMatchObject({ name: "CONNECT", status: { code: SpanStatusCode.UNSET } });
    expect(span?.attributes).toMatchObject({
      "http.response.status_code": 404,
      "webtransport.rejection.kind": "route",
    });
    expect(span?.attributes).not.toHaveProperty("http.route");
    expect(span?.attributes).not.toHaveProperty("error.type");
    expect(span?.events.map(({ name, attributes }) => ({ name, attributes }))).toEqual([
      {
        name: "webtransport.request.rejected",
        attributes: {
          "webtransport.rejection.kind": "route",
          "webtransport.rejection.reason": "no route matches the path",
        },
      },
    ]);
  });

  it("has the route whose own middleware refused", async () => {
    const middleware = () => new RejectionResponse(429, { reason: "too many", kind: "rate_limit" });
    world.app.route("/rooms/:room", { middleware: [middleware] }, async () => {});
    await world.listen();
    expect(await world.statusOf("/rooms/1")).toBe(429);
    expect(telemetry.serverSpans[0]).toMatchObject({
      name: "CONNECT /rooms/:room",
      attributes: { "http.route": "/rooms/:room", "webtransport.rejection.kind": "rate_limit" },
    });
  });

  it("tells what a middleware threw", async () => {
    world.app.middleware(() => {
      throw new RangeError("no database");
    });
    world.app.route("/", async () => {});
    await world.listen();
    expect(await world.statusOf("/")).toBe(500);
    const [span] = telemetry.serverSpans;
    expect(span?.status).toEqual({ code: SpanStatusCode.ERROR, message: "no database" });
    expect(span?.attributes).toMatchObject({ "error.type": "RangeError", "http.response.status_code": 500 });
    expect(eventNames(span)).toEqual(["webtransport.request.rejected", "exception"]);
  });

  it("is an error with its status where nothing was thrown", async () => {
    world.app.middleware((() => undefined) as unknown as () => boolean);
    world.app.route("/", async () => {});
    await world.listen();
    expect(await world.statusOf("/")).toBe(500);
    expect(telemetry.serverSpans[0]?.attributes["error.type"]).toBe("500");
  });

  it("is made of what the protocol core turns down, too", async () => {
    const strict = new AppWorld({ authorities: ["example.com"] });
    instrument(strict.app);
    strict.app.route("/", async () => {});
    await strict.listen();
    expect(await strict.statusOf("/?token=secret", { headers: { traceparent } })).toBe(421);
    await strict.close();
    const [span, ...others] = telemetry.serverSpans;
    expect(others).toEqual([]);
    expect(span?.parentSpanContext).toMatchObject({ traceId, spanId: parentId });
    expect(span?.attributes).toMatchObject({
      "http.response.status_code": 421,
      "webtransport.rejection.kind": "authority",
      "url.path": "/",
      "url.query": "token=[redacted]",
    });
  });

  it("ends when the client has gone before the answer", async () => {
    const asked = new Deferred<undefined>();
    const answer = new Deferred<boolean>();
    world.app.middleware(() => {
      asked.resolve(undefined);
      return answer.promise;
    });
    world.app.route("/", async () => {});
    await world.listen();
    const controller = new AbortController();
    const status = world.statusOf("/", { signal: controller.signal });
    await asked.promise;
    controller.abort(new Error("enough"));
    await status;
    await world.pair.engine.clock.settle();
    await expect.poll(() => telemetry.serverSpans.length).toBe(1);
    answer.resolve(true);
    await world.close();
    expect(telemetry.serverSpans).toHaveLength(1);
    expect(eventNames(telemetry.serverSpans[0])).toEqual(["webtransport.request.abandoned"]);
    expect(telemetry.serverSpans[0]?.status).toEqual({ code: SpanStatusCode.UNSET });
  });

  it("is made of a request that a listener answers before the app", async () => {
    world.app.server.on("session_request", ({ request }) => {
      void (request as unknown as IncomingSession).reject(410);
    });
    world.app.route("/", async () => {});
    await world.listen();
    expect(await world.statusOf("/")).toBe(410);
    expect(telemetry.serverSpans[0]?.attributes).toMatchObject({
      "http.response.status_code": 410,
      "webtransport.rejection.kind": "application",
    });
  });

  it("ends when a server without an app closes with requests that nobody has taken", async () => {
    world.app.server.handleSessions(async () => {});
    await world.listen();
    const status = world.statusOf("/");
    await expect.poll(() => world.app.server.getServerStats().requests).toBe(1);
    await world.close();
    expect(await status).not.toBe(200);
    expect(telemetry.serverSpans).toHaveLength(1);
  });
});
