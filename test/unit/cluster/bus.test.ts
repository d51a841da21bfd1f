import { afterEach, describe, expect, it, vi } from "vitest";

import { BoundedSender } from "../../../src/cluster/bus/bounded-sender.ts";
import { BusHub } from "../../../src/cluster/bus/bus-hub.ts";
import { clusterBus, processBus } from "../../../src/cluster/bus/cluster-bus.ts";
import { LocalBus } from "../../../src/cluster/bus/local-bus.ts";
import type { BusMessage } from "../../../src/cluster/bus/message-bus.ts";
import { decodePayload, encodePayload, maxMessageSize } from "../../../src/cluster/bus/payload.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

afterEach(() => {
  vi.restoreAllMocks();
});

describe("LocalBus", () => {
  it("delivers within the process, in order, after broadcast() has returned, with the sender named", async () => {
    const bus = new LocalBus();
    const heard: [unknown, BusMessage][] = [];
    bus.on("news", (data, message) => heard.push([data, message]));
    bus.broadcast("news", 1);
    bus.broadcast("other", 2);
    bus.broadcast("news", 3);
    expect(heard).toEqual([]);
    await turn();
    const message = { channel: "news", from: "cluster", isLocal: true };
    expect(heard).toEqual([
      [1, message],
      [3, message],
    ]);
  });

  it("sends what it is at the call, binary data as such, and a copy of its own to each listener", async () => {
    const bus = new LocalBus();
    const heard: Map<string, Uint8Array>[] = [];
    bus.on("bytes", (data: Map<string, Uint8Array>) => {
      data.get("a")![0] = 99;
      heard.push(data);
    });
    bus.on("bytes", (data: Map<string, Uint8Array>) => heard.push(data));
    const bytes = Uint8Array.of(1, 2);
    bus.broadcast("bytes", new Map([["a", bytes]]));
    bytes[0] = 7;
    await turn();
    expect(heard.map((data) => [...data.get("a")!])).toEqual([
      [99, 2],
      [1, 2],
    ]);
  });

  it("lets a listener that throws, or rejects, disturb nobody", async () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const bus = new LocalBus();
    const heard: unknown[] = [];
    bus.on("news", () => {
      throw new Error("thrown");
    });
    bus.on("news", () => Promise.reject(new Error("rejected")));
    bus.on("news", (data) => heard.push(data));
    bus.broadcast("news", 1);
    await turn();
    expect(heard).toEqual([1]);
    expect(warned.mock.calls.map(([text]) => String(text).split("\n")[0])).toEqual([
      'A listener of channel "news" threw: Error: thrown',
      'A listener of channel "news" threw: Error: rejected',
    ]);
  });

  it("stops with off()", async () => {
    const bus = new LocalBus();
    const heard: unknown[] = [];
    const listener = (data: unknown): unknown => heard.push(data);
    bus.on("news", listener).broadcast("news", 1);
    await turn();
    bus.off("news", listener).off("unknown", listener).broadcast("news", 2);
    await turn();
    expect(heard).toEqual([1]);
  });

  it("refuses what cannot be cloned, what is too large, and channels without a name, at the call", () => {
    const bus = new LocalBus();
    expect(() => bus.broadcast("news", { run: () => {} })).toThrow(TypeError);
    expect(() => bus.broadcast("news", new Uint8Array(maxMessageSize))).toThrow(RangeError);
    expect(() => bus.broadcast("", 1)).toThrow(TypeError);
    expect(() => bus.on(undefined as unknown as string, () => {})).toThrow(TypeError);
  });

  it("is one for the whole process", () => {
    expect(clusterBus()).toBe(processBus());
  });
});

describe("BoundedSender", () => {
  it("drops what would be over its limit, counts it, and tells once for each run", () => {
    const taken: (() => void)[] = [];
    let overflows = 0;
    const sender = new BoundedSender(
      4000,
      (_channel, _from, _payload, done) => taken.push(done),
      () => (overflows += 1),
    );
    const payload = Buffer.alloc(744);
    for (let count = 0; count < 6; count += 1) sender.send("c", "1", payload);
    expect(taken).toHaveLength(4);
    expect(sender.stats).toEqual({ messagesDropped: 2, bytesDropped: 2 * 744, bytesQueued: 4000 });
    taken.shift()!();
    sender.send("c", "1", payload);
    sender.send("c", "1", payload);
    expect(overflows).toBe(1);
    for (const done of taken.splice(0)) done();
    expect(sender.stats.bytesQueued).toBe(0);
    for (let count = 0; count < 5; count += 1) sender.send("c", "1", payload);
    expect(overflows).toBe(2);
  });
});

describe("BusHub", () => {
  it("hands each message to all but its sender, in order", async () => {
    const local = new LocalBus();
    const hub = new BusHub(local);
    const heard: Record<string, unknown[]> = { a: [], b: [], local: [] };
    const end = (name: string) => ({
      busStats: { messagesDropped: 1, bytesDropped: 10, bytesQueued: 5 },
      sendBus: (_channel: string, from: string, payload: Buffer) => {
        heard[name]!.push([from, decodePayload(payload)]);
      },
    });
    const [a, b] = [end("a"), end("b")];
    hub.add(a);
    hub.add(b);
    local.on("news", (data, { from }) => heard["local"]!.push([from, data]));
    const envelope = (data: unknown) =>
      ({ type: "bus", channel: "news", from: "x", payload: encodePayload("news", data) }) as const;
    hub.receive(a, "1", envelope("first"));
    hub.receive(a, "1", envelope("second"));
    local.broadcast("news", "third");
    await turn();
    const fromA = [
      ["1", "first"],
      ["1", "second"],
    ];
    expect(heard).toEqual({
      a: [["cluster", "third"]],
      b: [...fromA, ["cluster", "third"]],
      local: [...fromA, ["cluster", "third"]],
    });
    hub.remove(a);
    hub.remove(a);
    expect(local.getStats()).toEqual({
      messagesSent: 1,
      messagesReceived: 2,
      messagesDropped: 2,
      bytesDropped: 20,
      bytesQueued: 5,
    });
  });
});
