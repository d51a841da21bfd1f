import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { describe, expect, it } from "vitest";

import { Deferred } from "../../../src/async/promises.ts";
import { SessionError } from "../../../src/errors/errors.ts";
import { contextOf, instrument } from "../../../src/opentelemetry/index.ts";
import type { Session } from "../../../src/transport/types.ts";
import { AppWorld } from "../server/app/app-world.ts";

import { eventNames } from "./telemetry.ts";
import { parentId, telemetry, traceId, traceparent, world } from "./traced-world.ts";

describe("the span of a session", () => {
  it("has the request's attributes, its route, and the session's end", async () => {
    world.app.route("/rooms/:room", async (session) => {
      const stream = await session.createUnidirectionalStream();
      await stream.writeAll("hello");
      await session.closed;
    });
    await world.listen();
    const session = await world.connect("/rooms/7?token=secret", { headers: { "user-agent": "test/1" } });
    for await (const stream of session.incomingUnidirectionalStreams) {
      expect(await stream.readAll()).toHaveLength(5);
      break;
    }
    expect(telemetry.serverSpans).toEqual([]);
    await session.close({ code: 42, reason: "bye" });
    await world.close();
    const [span, ...others] = telemetry.serverSpans;
    expect(others).toEqual([]);
    expect(span).toMatchObject({ name: "CONNECT /rooms/:room", kind: SpanKind.SERVER, ended: true });
    expect(span?.instrumentationScope).toMatchObject({ name: "tswebtransport" });
    expect(span?.parentSpanContext).toBeUndefined();
    expect(span?.status).toEqual({ code: SpanStatusCode.UNSET });
    // The handler was still waiting for the session's end.
    expect(eventNames(span)).toEqual(["webtransport.request.accepted", "webtransport.handler.started"]);
    expect(span?.attributes).toEqual({
      "network.transport": "quic",
      "network.protocol.name": "http",
      "network.protocol.version": "3",
      "network.type": "ipv4",
      "network.peer.address": expect.any(String) as string,
      "network.peer.port": expect.any(Number) as number,
      "client.address": expect.any(String) as string,
      "client.port": expect.any(Number) as number,
      "http.request.method": "CONNECT",
      "http.response.status_code": 200,
      "http.route": "/rooms/:room",
      "url.scheme": "https",
      "url.path": "/rooms/7",
      "url.query": "token=[redacted]",
      "server.address": "localhost",
      "server.port": Number(new URL(world.pair.origin).port),
      "user_agent.original": "test/1",
      "webtransport.connection.id": expect.any(String) as string,
      "webtransport.draft": expect.stringMatching(/^draft-/) as string,
      "webtransport.session.id": expect.any(String) as string,
      "webtransport.session.closed_by": "peer",
      "webtransport.session.close.code": 42,
      "webtransport.session.close.reason": "bye",
      "webtransport.session.streams": 1,
      "webtransport.session.bytes_sent": 5,
      "webtransport.session.bytes_received": 0,
      "webtransport.session.datagrams_sent": 0,
      "webtransport.session.datagrams_received": 0,
      "webtransport.session.datagrams_dropped": 0,
    });
  });

  it("tells of a handler that returned before the session ended", async () => {
    world.app.route("/", async () => {});
    await world.listen();
    await (
      await world.connect("/")
    ).closed;
    await world.close();
    expect(telemetry.serverSpans).toHaveLength(1);
    expect(eventNames(telemetry.serverSpans[0])).toEqual([
      "webtransport.request.accepted",
      "webtransport.handler.started",
      "webtransport.handler.ended",
    ]);
  });

  it("has its parent in the request's trace context, whatever is active", async () => {
    world.app.route("/", async () => {});
    await world.listen();
    await trace.getTracer("test").startActiveSpan("not the parent", async (span) => {
      await (
        await world.connect("/", { headers: { traceparent, tracestate: "vendor=1" } })
      ).closed;
      await (
        await world.connect("/")
      ).closed;
      span.end();
    });
    await world.close();
    const [first, second] = telemetry.serverSpans;
    expect(first?.spanContext()).toMatchObject({ traceId });
    expect(first?.spanContext().traceState?.get("vendor")).toBe("1");
    expect(first?.parentSpanContext).toMatchObject({ traceId, spanId: parentId, isRemote: true });
    expect(second?.parentSpanContext).toBeUndefined();
    expect(second?.spanContext().traceId).not.toBe(traceId);
  });

  it.each(["garbage", "00-0-0-01", `ff-${traceId}-${parentId}-01`, `${traceparent}x`, "00-" + "f".repeat(500)])(
    "begins a trace of its own behind the trace context %s",
    async (value) => {
      world.app.route("/", async () => {});
      await world.listen();
      await (
        await world.connect("/", { headers: { traceparent: value } })
      ).closed;
      await world.close();
      expect(telemetry.serverSpans).toHaveLength(1);
      expect(telemetry.serverSpans[0]?.parentSpanContext).toBeUndefined();
    },
  );

  it("shows the query where the configuration does not redact it", async () => {
    const open = new AppWorld({ redactQuery: false });
    instrument(open.app);
    open.app.route("/", async () => {});
    await open.listen();
    await (
      await open.connect("/?a=1&b=2")
    ).closed;
    await open.close();
    expect(telemetry.serverSpans[0]?.attributes["url.query"]).toBe("a=1&b=2");
  });

  it("tells what a handler threw, and ends once", async () => {
    world.app.route("/", async () => {
      throw new TypeError("broken");
    });
    await world.listen();
    const session = await world.connect("/");
    expect(await session.closed).toMatchObject({ clean: true, code: 1 });
    await world.close();
    const [span, ...others] = telemetry.serverSpans;
    expect(others).toEqual([]);
    expect(span?.status).toEqual({ code: SpanStatusCode.ERROR, message: "broken" });
    expect(span?.attributes).toMatchObject({ "error.type": "TypeError", "webtransport.session.close.code": 1 });
    expect(eventNames(span)).toEqual([
      "webtransport.request.accepted",
      "webtransport.handler.started",
      "exception",
      "webtransport.handler.ended",
    ]);
    expect(span?.events[2]?.attributes).toMatchObject({ "exception.type": "TypeError", "exception.message": "broken" });
  });

  it("does not take a handler for failed that waited for its peer when the session ended", async () => {
    world.app.route("/", async (session) => {
      await session.createBidirectionalStream().then((stream) => stream.read());
    });
    await world.listen();
    const session = await world.connect("/");
    await session.close();
    await world.close();
    // Nor is there one of the handler alone.
    expect(telemetry.spans).toHaveLength(1);
    expect(telemetry.serverSpans[0]?.status).toEqual({ code: SpanStatusCode.UNSET });
  });

  it("takes a SessionError of a session that lives for a failure", async () => {
    world.app.route("/", async () => {
      throw new SessionError("of another session");
    });
    await world.listen();
    await (
      await world.connect("/")
    ).closed;
    await world.close();
    expect(telemetry.serverSpans[0]?.status.code).toBe(SpanStatusCode.ERROR);
  });

  it("is followed by one of its handler when that fails after the session's end", async () => {
    world.app.route("/", async (session) => {
      await session.closed;
      await world.pair.engine.clock.settle();
      throw new RangeError("clearing up failed");
    });
    await world.listen();
    await (await world.connect("/")).close();
    await world.pair.engine.clock.settle();
    await expect.poll(() => telemetry.spans.length).toBe(2);
    const [span, late] = telemetry.spans;
    expect(span).toMatchObject({ kind: SpanKind.SERVER, status: { code: SpanStatusCode.UNSET } });
    expect(late).toMatchObject({
      name: "webtransport.handler",
      kind: SpanKind.INTERNAL,
      status: { code: SpanStatusCode.ERROR, message: "clearing up failed" },
      parentSpanContext: span?.spanContext() as object,
    });
  });

  it("ends when the connection is lost", async () => {
    const opened = new Deferred<Session>();
    world.app.route("/", async (session) => {
      opened.resolve(session);
      await session.closed;
    });
    await world.listen();
    const client = await world.connect("/");
    const session = await opened.promise;
    await session.connection.close({ code: 7 });
    await client.closed;
    await world.pair.engine.clock.settle();
    expect(telemetry.serverSpans).toHaveLength(1);
    await world.close();
    expect(telemetry.serverSpans).toHaveLength(1);
  });

  it("ends when the client falls silent, with the error's code", async () => {
    const silent = new AppWorld({ connectionIdleTimeout: 1000, keepaliveInterval: 0 });
    instrument(silent.app);
    silent.app.route("/", (session) => session.closed);
    await silent.listen();
    await silent.connect("/");
    const { engine } = silent.pair;
    engine.cut();
    await engine.clock.advance(60_000);
    await expect.poll(() => telemetry.serverSpans.length).toBe(1);
    const [span] = telemetry.serverSpans;
    expect(span?.status.code).toBe(SpanStatusCode.ERROR);
    expect(span?.attributes).toMatchObject({
      "error.type": expect.stringMatching(/^ERR_WT_/) as string,
      "webtransport.session.closed_by": "transport",
    });
    await silent.close();
    expect(telemetry.serverSpans).toHaveLength(1);
  });

  it("ends for each session when the server closes", async () => {
    world.app.route("/", (session) => session.closed);
    await world.listen();
    await Promise.all([world.connect("/"), world.connect("/"), world.connect("/")]);
    expect(telemetry.serverSpans).toEqual([]);
    await world.close();
    expect(telemetry.serverSpans).toHaveLength(3);
    expect(new Set(telemetry.serverSpans.map((span) => span.spanContext().spanId)).size).toBe(3);
  });
});

describe("contextOf()", () => {
  it("gives the span of a session, and the active context for anything else", async () => {
    const found = new Deferred<string | undefined>();
    world.app.route("/", async (session) => {
      session.on("session_closed", () => found.resolve(trace.getSpan(contextOf(session))?.spanContext().spanId));
      await session.closed;
    });
    await world.listen();
    await (await world.connect("/")).close();
    const spanId = await found.promise;
    await world.close();
    expect(spanId).toBe(telemetry.serverSpans[0]?.spanContext().spanId);
    trace.getTracer("test").startActiveSpan("outer", (span) => {
      expect(trace.getSpan(contextOf({}))).toBe(span);
      span.end();
    });
  });
});
