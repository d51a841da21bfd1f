import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Histogram } from "@opentelemetry/sdk-metrics";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";

import { instrument, instrumentConnect } from "../../../src/opentelemetry/index.ts";
import type { Instrumented } from "../../../src/opentelemetry/index.ts";
import { LocalServer } from "../end-to-end/local-server.ts";
import { eventNames, Telemetry, type Metrics } from "../../unit/opentelemetry/telemetry.ts";

const telemetry = new Telemetry().register();
const tracer = trace.getTracer("application");

let connecting: Instrumented;
let server: LocalServer;
beforeEach(async () => {
  telemetry.reset();
  connecting = instrumentConnect();
  server = await LocalServer.start((app) => {
    instrument(app);
    app.route("/lines/:name", async (session) => {
      for await (const stream of session.incomingBidirectionalStreams) {
        await tracer.startActiveSpan("answer", async (span) => {
          await stream.writeAll(await stream.readAll());
          span.end();
        });
      }
    });
    app.route("/fails", async (session) => {
      await session.datagrams.receive();
      throw new TypeError("broken");
    });
  });
});
afterEach(async () => {
  connecting.disable();
  await server.close();
});
afterAll(async () => {
  await telemetry.shutdown();
});

function sessionsTimed(metrics: Metrics): number {
  return metrics.points("session.duration").reduce((sum, { value }) => sum + (value as Histogram).count, 0);
}

describe("tracing over UDP", () => {
  it("makes one trace of the caller, the client, the server and the handler's own work", async () => {
    await tracer.startActiveSpan("caller", async (span) => {
      const session = await server.connect("/lines/a?token=secret");
      for (const text of ["one", "two"]) {
        const stream = await session.createBidirectionalStream();
        await stream.writeAll(text);
        expect(new TextDecoder().decode(await stream.readAll())).toBe(text);
      }
      await session.close({ code: 3 });
      span.end();
    });
    await server.empty();
    const named = (name: string, kind?: SpanKind) =>
      telemetry.spans.filter((span) => span.name === name && (kind === undefined || span.kind === kind));
    const [caller] = named("caller");
    const [client] = named("CONNECT", SpanKind.CLIENT);
    const [session] = named("CONNECT /lines/:name", SpanKind.SERVER);
    const answers = named("answer");
    expect(telemetry.spans).toHaveLength(5);
    expect(client?.parentSpanContext?.spanId).toBe(caller?.spanContext().spanId);
    expect(session?.parentSpanContext?.spanId).toBe(client?.spanContext().spanId);
    const spanId = session?.spanContext().spanId;
    expect(answers.map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual([spanId, spanId]);
    expect(new Set(telemetry.spans.map((each) => each.spanContext().traceId)).size).toBe(1);
    expect(session?.attributes).toMatchObject({
      "client.address": "127.0.0.1",
      "network.type": "ipv4",
      "server.address": "127.0.0.1",
      "server.port": server.port,
      "url.path": "/lines/a",
      "url.query": "token=[redacted]",
      "user_agent.original": "tswebtransport",
      "webtransport.session.closed_by": "peer",
      "webtransport.session.close.code": 3,
      "webtransport.session.streams": 2,
      "webtransport.session.bytes_received": 6,
      "webtransport.session.bytes_sent": 6,
    });
    expect(session?.status.code).toBe(SpanStatusCode.UNSET);
  });

  it("ends each span once: refused, failed, and open when the server closes", async () => {
    await expect(server.connect("/nowhere", { maxRetries: 0 })).rejects.toMatchObject({ status: 404 });
    const failing = await server.connect("/fails");
    await failing.datagrams.send("go");
    await failing.closed;
    await server.connect("/lines/open");
    await server.close();
    // A provider may be shut down now: the server has nothing more to tell.
    expect(telemetry.serverSpans).toHaveLength(3);
    await expect.poll(() => telemetry.spans.length).toBe(6);
    const spans = telemetry.serverSpans.map(({ attributes, status, events }) => ({
      path: attributes["url.path"],
      status: status.code,
      events: eventNames({ events } as never),
    }));
    expect(spans).toEqual([
      { path: "/nowhere", status: SpanStatusCode.UNSET, events: ["webtransport.request.rejected"] },
      {
        path: "/fails",
        status: SpanStatusCode.ERROR,
        events: [
          "webtransport.request.accepted",
          "webtransport.handler.started",
          "exception",
          "webtransport.handler.ended",
        ],
      },
      {
        path: "/lines/open",
        status: expect.any(Number) as number,
        events: expect.arrayContaining(["webtransport.request.accepted"]) as string[],
      },
    ]);
  });

  it("counts what a client did", async () => {
    const session = await server.connect("/lines/b");
    const stream = await session.createBidirectionalStream();
    await stream.writeAll(new Uint8Array(100_000));
    expect(await stream.readAll()).toHaveLength(100_000);
    const port = { "network.local.port": server.port };
    const during = await telemetry.collect();
    expect(during.value("active_sessions", port)).toBe(1);
    expect(during.value("io", { ...port, "webtransport.direction": "received" })).toBe(100_000);
    await session.close();
    await server.empty();
    const after = await telemetry.collect();
    expect(after.value("active_sessions", port)).toBe(0);
    expect(after.value("io", { ...port, "webtransport.direction": "sent" })).toBe(100_000);
    expect(sessionsTimed(after)).toBe(sessionsTimed(during) + 1);
  });
});
