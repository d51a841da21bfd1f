import { describe, expect, it } from "vitest";

import { ClusterWorld, isAlive, until } from "./cluster-world.ts";

describe("the cluster's bus", () => {
  it("reaches every worker, and from each of them every other process", async () => {
    await using world = await ClusterWorld.start({ workers: 3 });
    const answers: { readonly pid: number; readonly data: unknown; readonly from: string }[] = [];
    const senders: string[] = [];
    world.cluster.on<(typeof answers)[number]>("iam", (answer, message) => {
      answers.push(answer);
      senders.push(message.from);
      expect(message).toMatchObject({ channel: "iam", isLocal: false });
    });
    const data = new Map([["bytes", Uint8Array.of(0, 255, 128)]]);
    world.cluster.broadcast("whoami", data);
    await until(() => answers.length === 3);
    expect(new Set(answers.map(({ pid }) => pid))).toEqual(world.pids);
    expect(new Set(senders)).toEqual(new Set(["1", "2", "3"]));
    for (const answer of answers) expect(answer).toMatchObject({ data, from: "cluster" });
  });

  it("keeps the order of each sender", async () => {
    await using world = await ClusterWorld.start({ workers: 2 });
    const count = 2000;
    const heard: Record<string, number[]> = { a: [], b: [] };
    world.cluster.on<{ sender: string; number: number; bytes: Uint8Array }>("flood", ({ sender, number, bytes }) => {
      heard[sender]!.push(number);
      expect([...bytes]).toEqual([number & 0xff]);
    });
    await Promise.all(["a", "b"].map((sender) => world.connect(`/flood?count=${count}&sender=${sender}`)));
    await until(() => heard["a"]!.length + heard["b"]!.length === 2 * count);
    const expected = Array.from({ length: count }, (_, number) => number);
    expect(heard).toEqual({ a: expected, b: expected });
  });

  it("drops what a worker sends faster than it can be taken, within its limit, and tells", async () => {
    await using world = await ClusterWorld.start({ workers: 1, busQueueSize: 65_536 });
    const [worker] = world.workers;
    const heard: number[] = [];
    world.cluster.on<{ number: number }>("flood", ({ number }) => heard.push(number));
    const overflow = world.cluster.waitFor("bus_overflow");
    // In one turn of its event loop: none of them is taken meanwhile.
    const session = await world.connect("/flood?count=5000&sender=a");
    expect(await overflow).toMatchObject({ id: worker!.id, pid: worker!.pid, at: "worker" });
    const reported = (): number => worker!.current!.lastPong?.bus.messagesDropped ?? 0;
    await until(() => reported() > 0);
    await until(() => heard.length === 5000 - reported());
    // The first ones, whose order is that of their sender.
    expect(heard).toEqual(Array.from(heard, (_, index) => index));
    expect(heard.length * 256).toBeLessThanOrEqual(65_536);
    await session.close();
  });

  it("drops what a worker is too slow for, within its limit, and tells", async () => {
    await using world = await ClusterWorld.start({ workers: 2, busQueueSize: 1_000_000 });
    const [stopped] = world.workers;
    const overflow = world.cluster.waitFor("bus_overflow");
    process.kill(stopped!.pid!, "SIGSTOP");
    try {
      const message = new Uint8Array(100_000);
      for (let count = 0; count < 50; count += 1) {
        world.cluster.broadcast("bulk", message);
        await new Promise(setImmediate);
      }
      expect(await overflow).toMatchObject({ id: stopped!.id, pid: stopped!.pid, at: "cluster" });
      const { bus } = await world.cluster.getClusterStats();
      expect(bus.messagesSent).toBe(50);
      // The pipe to the worker takes a little, its queue ten messages.
      expect(bus.messagesDropped).toBeGreaterThan(20);
      expect(bus.bytesDropped).toBe(bus.messagesDropped * (message.byteLength + bytesOfHead(message)));
      expect(bus.bytesQueued).toBeLessThanOrEqual(1_000_000);
    } finally {
      process.kill(stopped!.pid!, "SIGCONT");
    }
    await until(() => isAlive(stopped!.pid!));
    const answers = new Set<number>();
    world.cluster.on<{ pid: number }>("iam", ({ pid }) => answers.add(pid));
    await until(() => stopped!.current!.busStats.bytesQueued === 0);
    world.cluster.broadcast("whoami", null);
    await until(() => answers.size === 2);
  });
});

/** What the clone of a view has beside the view's bytes. */
function bytesOfHead(view: Uint8Array): number {
  // Version, tag of a host object, its type, and the varint of its length.
  return 2 + 1 + 1 + (view.byteLength < 2 ** 14 ? 2 : 3);
}
