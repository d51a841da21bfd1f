import { afterEach, describe, expect, it, vi } from "vitest";

import { ProtocolConnection } from "../../../../src/protocol/connection.ts";

import { Pair } from "../pair.ts";

/** What the core throws although nothing makes it: whoever has called is told, at once and alone. */
const fault = new Error("a fault of the core");

function failOnce(method: "openSession" | "requestExcess" | "responseExcess"): void {
  vi.spyOn(ProtocolConnection.prototype, method).mockImplementationOnce(() => {
    throw fault;
  });
}

describe("a call whose work throws", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each(["openSession", "requestExcess"] as const)("rejects its own promise: %s", async (method) => {
    const pair = await Pair.create();
    const before = await pair.session();
    failOnce(method);
    await expect(pair.wait(pair.client.openSession({ url: "https://localhost/" }))).rejects.toBe(fault);
    await pair.settle();
    expect(pair.client.counts).toMatchObject({ sessions: 1, requests: 0, waiters: 0 });
    expect(pair.server.counts.sessions).toBe(1);
    expect(before.client.isReady).toBe(true);
    expect((await pair.session()).client.isReady).toBe(true);
  });

  it("rejects its own promise when it has waited for a stream", async () => {
    const pair = await Pair.create();
    const limit = pair.limit("bidirectional");
    const opening = pair.client.openSession({ url: "https://localhost/" });
    await pair.settle();
    failOnce("openSession");
    limit.allow(2);
    await expect(pair.wait(opening)).rejects.toBe(fault);
    expect((await pair.session()).client.isReady).toBe(true);
    expect(pair.client.counts.requests).toBe(0);
  });

  it("rejects its own promise when the core was busy", async () => {
    const pair = await Pair.create({ client: { maxOutgoingStreams: 1 } });
    const { client } = await pair.session();
    await client.createUnidirectionalStream();
    const opening = pair.client.openSession({ url: "https://localhost/" });
    await pair.settle();
    expect(pair.client.counts.waiters).toBe(1);
    failOnce("openSession");
    // The end of a session ends its streams, while the core still tells of it: the one that waits has its turn.
    void pair.accepted[0]?.close({ abort: true });
    await expect(pair.wait(opening)).rejects.toBe(fault);
    expect(pair.client.counts).toMatchObject({ requests: 0, waiters: 0 });
    expect((await pair.session()).client.isReady).toBe(true);
  });

  it.each(["accept", "reject"] as const)("leaves the request to be answered: %s()", async (how) => {
    const pair = await Pair.create({
      onSession: async (request) => {
        failOnce("responseExcess");
        await expect(how === "accept" ? request.accept() : request.reject(403)).rejects.toBe(fault);
        expect(request.isAnswered).toBe(false);
        await request.reject(404);
      },
    });
    const opening = pair.client.openSession({ url: "https://localhost/" });
    await expect(pair.wait(opening)).rejects.toMatchObject({ name: "HttpError", status: 404 });
    expect(pair.server.counts).toMatchObject({ sessions: 0, requests: 0 });
  });

  it("has changed nothing: a sendOrder that is no number, now and when a stream has to be waited for", async () => {
    const pair = await Pair.create();
    const { client } = await pair.session();
    const sendOrder = "1" as unknown as number;
    await expect(client.createUnidirectionalStream({ sendOrder })).rejects.toThrow(TypeError);
    pair.limit("unidirectional");
    await expect(client.createUnidirectionalStream({ sendOrder })).rejects.toThrow(TypeError);
    expect(pair.client.counts).toMatchObject({ streams: 0, waiters: 0 });
  });

  it("has changed nothing: a session that a server would open", async () => {
    const pair = await Pair.create();
    await expect(pair.server.openSession({ url: "https://localhost/" })).rejects.toMatchObject({ name: "ServerError" });
    expect(pair.server.counts).toMatchObject({ streams: 0, waiters: 0, requests: 0 });
  });

  it("has changed nothing: a close whose reason is no string", async () => {
    const pair = await Pair.create();
    const { client } = await pair.session();
    const reason = Symbol("reason") as unknown as string;
    expect(() => client.close({ reason })).toThrow(TypeError);
    expect(() => pair.client.close({ reason })).toThrow(TypeError);
    expect(client.state).toBe("connected");
    expect(pair.client.state).toBe("connected");
    await pair.wait(client.close({ reason: "a reason" }));
  });
});
