import { describe, expect, it } from "vitest";

import { SessionError } from "../../../../src/errors/errors.ts";
import type { IncomingSession } from "../../../../src/transport/session/request.ts";
import { Pair } from "../pair.ts";

/** A request on its server, and the client's waiting for the answer. */
async function request(): Promise<{ pair: Pair; incoming: IncomingSession; opening: Promise<unknown> }> {
  const incoming: IncomingSession[] = [];
  const pair = await Pair.create({ onSession: (each) => void incoming.push(each) });
  const opening = pair.client.openSession({ url: "https://localhost:4433/" });
  opening.catch(() => {});
  await pair.settle();
  return { pair, incoming: incoming[0]!, opening };
}

describe("A request's outcome", () => {
  it("is its session when it was accepted, whether asked for before or after", async () => {
    const { incoming } = await request();
    const before = incoming.outcome;
    const session = await incoming.accept();
    expect(await before).toEqual({ type: "accepted", status: 200, session });
    expect(incoming.outcome).toBe(before);
    const other = await request();
    await other.incoming.accept();
    expect(await other.incoming.outcome).toMatchObject({ type: "accepted" });
  });

  it("is status and headers when it was rejected", async () => {
    const { incoming } = await request();
    await incoming.reject(429, { headers: { "retry-after": "1" } });
    const outcome = await incoming.outcome;
    expect(outcome).toMatchObject({ type: "rejected", status: 429 });
    expect(outcome.type === "rejected" && [...outcome.headers]).toEqual([["retry-after", "1"]]);
  });

  it("is the error when the connection has ended before the answer; later attempts do not change it", async () => {
    const { pair, incoming } = await request();
    const { outcome } = incoming;
    await pair.wait(pair.client.close({ abort: true }));
    expect(await outcome).toMatchObject({ type: "cancelled", error: expect.any(SessionError) as SessionError });
    await expect(incoming.accept()).rejects.toMatchObject({ code: "ERR_WT_SESSION_CANCELLED" });
    expect(await incoming.outcome).toMatchObject({ type: "cancelled" });
  });

  it.each<[string, unknown]>([
    ["options", null],
    ["options", "chat"],
    ["protocols", { protocols: ["chat"] }],
    ["header", { header: {} }],
  ])("waits on when %s of an answer are wrong: %j", async (configKey, options) => {
    const { incoming } = await request();
    const refused = { name: "ConfigurationError", configKey };
    await expect(incoming.accept(options as object)).rejects.toMatchObject(refused);
    await expect(incoming.reject(403, options as object)).rejects.toMatchObject(refused);
    await expect(incoming.reject(403, { reason: 5 as unknown as string })).rejects.toMatchObject({
      configKey: "reason",
    });
    expect(incoming.isAnswered).toBe(false);
    await incoming.accept();
    expect(await incoming.outcome).toMatchObject({ type: "accepted" });
  });

  it("waits on while an attempt to answer has failed", async () => {
    const { incoming } = await request();
    await expect(incoming.accept({ headers: { "bad name": "" } })).rejects.toThrow(TypeError);
    await expect(incoming.reject(403, { headers: { "bad name": "" } })).rejects.toThrow(TypeError);
    const { outcome } = incoming;
    await incoming.reject(403);
    expect(await outcome).toMatchObject({ type: "rejected", status: 403 });
  });
});
