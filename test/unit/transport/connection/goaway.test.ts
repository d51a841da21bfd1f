import { describe, expect, it } from "vitest";

import { Deferred } from "../../../../src/async/promises.ts";

import { isPending } from "../fake-quic.ts";
import { Pair } from "../pair.ts";

describe("GOAWAY", () => {
  it("rejects a session that waits for a stream: its request is not sent any more", async () => {
    const pair = await Pair.create();
    await pair.session();
    const limit = pair.limit("bidirectional");
    const waiting = pair.client.openSession({ url: "https://localhost/" });
    await pair.settle();
    expect(pair.client.counts.waiters).toBe(1);
    pair.server.goaway();
    await expect(pair.wait(waiting)).rejects.toMatchObject({
      name: "ConnectionError",
      message: expect.stringContaining("GOAWAY") as string,
    });
    limit.allow(1);
    await pair.settle();
    expect(pair.client.counts).toMatchObject({ waiters: 0, requests: 0 });
    expect(limit.left).toBe(1);
    expect(pair.accepted).toHaveLength(1);
  });

  it.each(["server", "client"] as const)("of the %s drains a session that is accepted behind it", async (role) => {
    const gate = new Deferred<void>();
    const pair: Pair = await Pair.create({
      onSession: async (request) => {
        await gate.promise;
        pair.accepted.push(await pair.accept(request));
      },
    });
    const opening = pair.client.openSession({ url: "https://localhost/" });
    await pair.settle();
    pair[role].goaway();
    await pair.settle();
    gate.resolve();
    const client = await pair.wait(opening);
    const draining = role === "server" ? client : pair.accepted[0]!;
    expect(draining.state).toBe("draining");
    expect(await isPending(draining.draining)).toBe(false);
  });
});
