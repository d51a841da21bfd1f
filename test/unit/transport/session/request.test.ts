import { describe, expect, it, vi } from "vitest";

import { HttpError } from "../../../../src/errors/errors.ts";

import { Pair } from "../pair.ts";

describe("a session request", () => {
  it("is accepted with a subprotocol and headers", async () => {
    const pair = await Pair.create({
      onSession: async (request) => {
        expect(request.path).toBe("/test");
        expect(request.url.search).toBe("?x=1");
        expect(request.authority).toBe("localhost:4433");
        expect(request.headers.get("x-question")).toBe("?");
        expect(request.protocols).toEqual(["a", "b"]);
        pair.accepted.push(await request.accept({ protocol: "b", headers: { "x-answer": "42" } }));
        await expect(request.accept()).rejects.toMatchObject({ code: "ERR_WT_SESSION_ANSWERED" });
      },
    });
    const session = await pair.wait(
      pair.client.openSession({
        url: "https://localhost:4433/test?x=1",
        protocols: ["a", "b"],
        headers: { "X-Question": "?" },
      }),
    );
    expect(session.protocol).toBe("b");
    expect(session.responseHeaders.get("x-answer")).toBe("42");
    expect(pair.accepted[0]?.protocol).toBe("b");
    expect(pair.server.sessions).toEqual(pair.accepted);
  });

  it("is refused a subprotocol that the client does not offer", async () => {
    const pair = await Pair.create({
      onSession: async (request) => {
        await expect(request.accept({ protocol: "z" })).rejects.toMatchObject({ code: "ERR_WT_CONFIGURATION" });
        await request.reject(403);
      },
    });
    const opening = pair.client.openSession({ url: "https://localhost/" });
    await expect(pair.wait(opening)).rejects.toMatchObject({ name: "HttpError", status: 403 });
    expect(pair.client.counts.requests).toBe(0);
    expect(pair.server.counts.requests).toBe(0);
  });

  it.each([[["a", "a"]], [[""]], [["\u00e4"]], [["a".repeat(513)]]])(
    "cannot offer the subprotocols %j",
    async (protocols) => {
      const pair = await Pair.create();
      const opening = pair.client.openSession({ url: "https://localhost/", protocols });
      await expect(pair.wait(opening)).rejects.toMatchObject({ name: "ConfigurationError", configKey: "protocols" });
    },
  );

  it("is answered 404 when nobody handles it and 500 when the handler throws", async () => {
    const report = vi.fn();
    const pair = await Pair.create({
      onSession: () => {
        throw new Error("bug");
      },
      server: { events: { listens: () => false, forward: () => false, reportListenerError: report } },
    });
    const opening = pair.client.openSession({ url: "https://localhost/" });
    await expect(pair.wait(opening)).rejects.toEqual(expect.any(HttpError));
    await expect(opening).rejects.toMatchObject({ status: 500 });
    expect(report).toHaveBeenCalledOnce();
  });

  it("aborts its signal when the client takes it back", async () => {
    let signal: AbortSignal | undefined;
    const pair = await Pair.create({
      onSession: (request) => {
        signal = request.signal;
      },
    });
    const abort = new AbortController();
    const opening = pair.client.openSession({ url: "https://localhost/", signal: abort.signal });
    await pair.settle();
    abort.abort(new Error("changed my mind"));
    await expect(opening).rejects.toThrow("changed my mind");
    await pair.settle();
    expect(signal?.aborted).toBe(true);
    expect(pair.server.counts.requests).toBe(0);
  });

  it("times out on the client", async () => {
    const pair = await Pair.create({ onSession: () => {} });
    const opening = pair.client.openSession({ url: "https://localhost/", timeout: 100 });
    await pair.settle();
    await pair.time.advance(100);
    await expect(opening).rejects.toMatchObject({ code: "ERR_WT_TIMEOUT" });
  });
});
