import { context, createContextKey, propagation, trace } from "@opentelemetry/api";
import { describe, expect, it } from "vitest";

import { contextOf, instrument } from "../../../src/opentelemetry/index.ts";
import { WebTransportServer } from "../../../src/server/server.ts";
import { memoryEngine } from "../../../src/testing/index.ts";
import { generateSelfSignedCertificate } from "../../../src/certificates/self-signed.ts";
import { connect } from "../../../src/client/connect.ts";

import { telemetry, world } from "./traced-world.ts";

const tracer = trace.getTracer("application");

function activeSpanId(): string | undefined {
  return trace.getActiveSpan()?.spanContext().spanId;
}

describe("the session's context", () => {
  it("is active in middleware, handlers, onError and what they await", async () => {
    const seen: Record<string, string | undefined> = {};
    world.app.middleware(async () => {
      seen["middleware"] = activeSpanId();
      await Promise.resolve();
      seen["awaited by middleware"] = activeSpanId();
      return true;
    });
    const ofRoute = (): boolean => {
      seen["route's middleware"] = activeSpanId();
      return true;
    };
    world.app.route("/", { middleware: [ofRoute] }, async (session) => {
      seen["handler"] = activeSpanId();
      for await (const stream of session.incomingBidirectionalStreams) {
        seen["stream"] = activeSpanId();
        await stream.readAll();
        seen["read"] = activeSpanId();
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
        seen["later turn"] = activeSpanId();
        break;
      }
      throw new Error("broken");
    });
    world.app.onError(() => {
      seen["onError"] = activeSpanId();
    });
    await world.listen();
    const session = await world.connect("/");
    await (await session.createBidirectionalStream()).writeAll("x");
    await session.closed;
    await world.close();
    const spanId = telemetry.serverSpans[0]?.spanContext().spanId;
    expect(spanId).toBeDefined();
    const places = [
      "middleware",
      "awaited by middleware",
      "route's middleware",
      "handler",
      "stream",
      "read",
      "later turn",
      "onError",
    ];
    expect(seen).toEqual(Object.fromEntries(places.map((place) => [place, spanId])));
  });

  it("is each session's own, though they run side by side and call each other", async () => {
    world.app.route("/:name", async (session) => {
      await tracer.startActiveSpan(`work of ${session.params.name}`, async (span) => {
        if (session.params.name !== "c") await (await world.connect("/c")).closed;
        span.end();
      });
    });
    await world.listen();
    const sessions = await Promise.all(["/a", "/b"].map((path) => world.connect(path)));
    await Promise.all(sessions.map((session) => session.closed));
    await world.close();
    const byPath = (path: string) =>
      telemetry.serverSpans
        .filter(({ attributes }) => attributes["url.path"] === path)
        .map((span) => span.spanContext());
    const parents = (name: string) =>
      telemetry.spans.filter((span) => span.name === name).map(({ parentSpanContext }) => parentSpanContext?.spanId);
    for (const name of ["a", "b", "c"]) {
      expect(parents(`work of ${name}`).sort()).toEqual(
        byPath(`/${name}`)
          .map(({ spanId }) => spanId)
          .sort(),
      );
    }
    // Four sessions, none of which is another's child: their clients are not instrumented.
    expect(new Set(telemetry.serverSpans.map((span) => span.spanContext().traceId)).size).toBe(4);
  });

  it("is not active outside, and carries nothing of the one who connects", async () => {
    const key = createContextKey("test");
    const seen: unknown[] = [];
    world.app.route("/", async () => {
      seen.push(context.active().getValue(key));
    });
    await world.listen();
    await context.with(context.active().setValue(key, "the client's"), async () => {
      await (
        await world.connect("/")
      ).closed;
      expect(context.active().getValue(key)).toBe("the client's");
    });
    expect(seen).toEqual([undefined]);
    expect(trace.getActiveSpan()).toBeUndefined();
  });

  it("has the baggage of the request", async () => {
    const seen: unknown[] = [];
    world.app.route("/", async () => {
      seen.push(propagation.getActiveBaggage()?.getEntry("tenant")?.value);
    });
    await world.listen();
    await (
      await world.connect("/", { headers: { baggage: "tenant=blue" } })
    ).closed;
    expect(seen).toEqual(["blue"]);
  });

  it("is to be had for the sessions of a server without an app", async () => {
    const certificate = await generateSelfSignedCertificate();
    const engine = memoryEngine();
    const server = new WebTransportServer({
      config: { logLevel: "silent" },
      engine,
      certificate: () => Promise.resolve(certificate),
    });
    instrument(server);
    const { port } = await server.listen({ host: "localhost", port: 0 });
    const client = connect(`https://localhost:${port}/`, {
      engine,
      serverCertificateHashes: [certificate.certificateHash],
    });
    const seen: (string | undefined)[] = [];
    for await (const request of server.incomingSessions()) {
      seen.push(activeSpanId());
      await context.with(contextOf(request), async () => {
        const session = await request.accept();
        seen.push(activeSpanId(), trace.getSpan(contextOf(session))?.spanContext().spanId);
        await session.close();
      });
      break;
    }
    await client;
    await server.close({ timeout: 0 });
    expect(telemetry.serverSpans).toHaveLength(1);
    const spanId = telemetry.serverSpans[0]?.spanContext().spanId;
    expect(seen).toEqual([undefined, spanId, spanId]);
  });
});
