import { createSocket } from "node:dgram";
import { once } from "node:events";

import { describe, expect, it } from "vitest";

import type { QuicEndpoint, SocketAddress } from "../../../src/engine/engine.ts";
import { nativeUnderTest } from "../../conformance/engine/native-under-test.ts";
import type { Recorder } from "../../conformance/engine/recorder.ts";
import { withWorld } from "../../conformance/engine/with-world.ts";
import { bytes } from "../../conformance/engine/world.ts";
import type { World } from "../../conformance/engine/world.ts";

import { WorkerGroup } from "./worker-group.ts";
import type { Worker } from "./worker-group.ts";

const nothing = new Uint8Array(0);
const isLinux = process.platform === "linux";
/** Every mode with every waker. */
const kinds = [
  { mode: "shared", waker: "poll" },
  ...(isLinux
    ? ([
        { mode: "shared", waker: "uv" },
        { mode: "bpf", waker: "uv" },
        { mode: "bpf", waker: "poll" },
      ] as const)
    : []),
] as const;

function withGroup(
  mode: "bpf" | "shared",
  waker: "uv" | "poll",
  run: (world: World, group: WorkerGroup) => Promise<void>,
): () => Promise<void> {
  return withWorld(nativeUnderTest(waker), async (world) => {
    const group = new WorkerGroup(world, mode);
    try {
      await run(world, group);
    } finally {
      await group.close();
    }
  });
}

/** Connects clients, each of which chooses its connection ID by chance. */
async function connectMany(world: World, client: QuicEndpoint, address: SocketAddress, count: number) {
  const clients = Array.from({ length: count }, () => world.connect(client, address));
  await Promise.all(clients.map(({ events }) => events.first("connected")));
  return clients;
}

/** The connections that the workers have been told of, once they are so many. */
async function allAccepted(group: WorkerGroup, count: number) {
  const accepted = () => [...group.workers.values()].flatMap((worker) => worker.accepted);
  await expect.poll(() => accepted().length).toBe(count);
  return accepted();
}

const acceptedBy = ({ endpoint }: Worker): number => endpoint.getStats().handshakesAccepted;

describe.each(kinds)("workers on one port (mode $mode, waker $waker)", ({ mode, waker }) => {
  it(
    "share new connections, and each keeps its own",
    withGroup(mode, waker, async (world, group) => {
      group.steer([0, 1, 2, 3]);
      const workers = [await group.start(0), await group.start(1), await group.start(2), await group.start(3)];
      // Four workers, 120 clients: that one gets none has a chance of 1 in 10^14.
      const clients = await connectMany(world, await world.endpoint(), group.address, 120);
      expect(workers.map(acceptedBy).reduce((sum, count) => sum + count)).toBe(120);
      for (const worker of workers) expect(acceptedBy(worker)).toBeGreaterThan(0);
      for (const { quic } of clients) quic.sendDatagram(nothing, bytes("hello"));
      const accepted = await allAccepted(group, 120);
      await Promise.all(accepted.map(({ events }) => events.first("datagram")));
      if (mode === "bpf") expect(group.forwarded).toEqual([]);
      else expect(new Set(group.forwarded.map(({ isLong }) => isLong))).toEqual(new Set([true, false]));
    }),
  );

  it(
    "get the shares of new connections that they are given",
    withGroup(mode, waker, async (world, group) => {
      const workers = [await group.start(0), await group.start(1), await group.start(2)];
      const client = await world.endpoint();
      for (const [index, worker] of workers.entries()) {
        group.steer(
          [0, 1, 2],
          [],
          workers.map((other) => (other === worker ? 65_534 : 1)),
        );
        await connectMany(world, client, group.address, 20);
        // That another worker gets two of them has a chance of 1 in 5 million.
        await expect.poll(() => acceptedBy(worker)).toBeGreaterThanOrEqual(19);
        expect(workers.map(acceptedBy).reduce((sum, count) => sum + count)).toBe(20 * (index + 1));
      }
    }),
  );

  it(
    "keep the connections of clients whose address changes under traffic",
    withGroup(mode, waker, async (world, group) => {
      group.steer([0, 1, 2, 3]);
      for (const id of [0, 1, 2, 3]) await group.start(id);
      const paths = [];
      for (let index = 0; index < 16; index += 1) {
        const path = await world.under.path(group.address);
        const { quic, events } = world.connect(await world.endpoint(), path.address);
        await events.first("connected");
        paths.push({ path, quic, events });
      }
      const accepted = await allAccepted(group, 16);
      const sent = 5;
      for (let round = 0; round < sent; round += 1) {
        for (const { path, quic } of paths) {
          await path.changeAddress(quic);
          const streamId = quic.open("unidirectional");
          quic.write(streamId ?? expect.unreachable("a stream"), bytes(`round ${round}`), true);
        }
        const arrived = (events: Recorder): number =>
          events.events.filter((event) => event.type === "data" && event.fin).length;
        await Promise.all(accepted.map(({ events }) => events.until(() => arrived(events) === round + 1)));
      }
      for (const { events } of accepted) {
        const changes = events.events.filter((event) => event.type === "addressChanged");
        expect(changes.length).toBeGreaterThan(0);
        expect(events.events.some((event) => event.type === "closed")).toBe(false);
      }
      for (const { events } of paths) expect(events.events.some((event) => event.type === "closed")).toBe(false);
      if (mode === "bpf") expect(group.forwarded).toEqual([]);
      else expect(group.forwarded.some(({ isLong }) => !isLong)).toBe(true);
    }),
  );

  it(
    "leave new connections to the successor, and the old ones to the predecessor",
    withGroup(mode, waker, async (world, group) => {
      const before = await group.start(0);
      const client = await world.endpoint();
      const [old] = await connectMany(world, client, group.address, 1);
      const after = await group.start(1);
      group.steer([1], [0]);
      before.endpoint.stopAccepting({ silently: true });
      await connectMany(world, client, group.address, 20);
      expect([acceptedBy(before), acceptedBy(after)]).toEqual([1, 20]);
      old?.quic.sendDatagram(nothing, bytes("still here"));
      await (await before.connectionNumber(1)).events.first("datagram");
      expect(before.endpoint.getStats().handshakesRefused).toBe(0);
    }),
  );

  it(
    "lose no client while they are replaced again and again",
    withGroup(mode, waker, async (world, group) => {
      const client = await world.endpoint();
      let present = await group.start(0);
      const [clients, workers]: [ReturnType<World["connect"]>[], Worker[]] = [[], [present]];
      for (let round = 1; round <= 6; round += 1) {
        const under = Array.from({ length: 10 }, () => world.connect(client, group.address));
        const [leaving, id] = [present, round % 4];
        // In the midst of their handshakes.
        await under[0]?.events.first("connected");
        present = await group.start(id);
        workers.push(present);
        group.steer([id], [leaving.id]);
        leaving.endpoint.stopAccepting({ silently: true });
        const late = Array.from({ length: 10 }, () => world.connect(client, group.address));
        const batch = [...under, ...late];
        await Promise.all(batch.map(({ events }) => events.first("connected")));
        clients.push(...batch);
        // A server's handshake completes after the client's.
        await expect.poll(() => workers.flatMap(({ accepted }) => accepted).length).toBe(clients.length);
        // Gone with its connections: only then is the slot free for another.
        group.workers.delete(leaving.id);
        await leaving.endpoint.close(0n, "");
        group.steer([id]);
      }
      for (const { events } of clients) {
        const ends = events.events.filter((event) => event.type === "closed").map(({ info }) => info.kind);
        expect([[], ["application"]]).toContainEqual(ends);
      }
    }),
  );
});

describe.runIf(isLinux)("a slot's socket", () => {
  it(
    "keeps the packets that come while nobody reads it",
    withGroup("bpf", "uv", async (world, group) => {
      const [initial] = await firstFlight(world);
      group.steer([1]);
      await group.start(0);
      const sender = createSocket("udp4");
      try {
        await new Promise<void>((resolve, reject) => {
          sender.send(initial, group.address.port, group.address.host, (error) => {
            if (error === null) resolve();
            else reject(error);
          });
        });
        const successor = await group.start(1);
        await expect.poll(() => acceptedBy(successor)).toBe(1);
      } finally {
        sender.close();
      }
    }),
  );

  it.each([
    ["the same key", {}],
    [
      "a key that was replaced since",
      { resetKey: new Uint8Array(32).fill(8), previousKeys: { resetKey: new Uint8Array(32).fill(7) } },
    ],
  ])("gets a successor that resets the connections of a process that was killed, with %s", async (_, keys) =>
    withGroup("bpf", "uv", async (world, group) => {
      const child = await group.spawn(2, { active: [2] });
      group.steer([2]);
      const { quic, events } = world.connect(await world.endpoint(), group.address);
      await events.first("connected");
      quic.sendDatagram(nothing, bytes("hello"));
      await events.first("datagram");
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
      // Waits in the socket.
      quic.sendDatagram(nothing, bytes("is anybody there?"));
      await group.start(2, keys);
      expect((await events.first("closed")).info).toMatchObject({ by: "transport", kind: "stateless-reset" });
    })(),
  );

  it(
    "serves a process and its successor in turn, and stays open for the owner",
    withGroup("bpf", "uv", async (world, group) => {
      const client = await world.endpoint();
      group.steer([3]);
      for (let round = 0; round < 3; round += 1) {
        const worker = await group.start(3);
        await connectMany(world, client, group.address, 3);
        expect(acceptedBy(worker)).toBe(3);
        await worker.endpoint.close(0n, "");
      }
    }),
  );
});

describe.runIf(isLinux)("a worker that the kernel gives a packet of another's", () => {
  it(
    "hands it over with the peer's address and the local one",
    withGroup("bpf", "uv", async (world, group) => {
      group.steer([0, 1]);
      // The opposite of what the kernel does: every first packet comes to the wrong worker.
      const options = { active: [1, 0], newConnections: "hash" } as const;
      const workers = [await group.start(0, options), await group.start(1, options)];
      const seen: unknown[] = [];
      for (const worker of workers) {
        const handOver = worker.foreignPacket.bind(worker);
        worker.foreignPacket = (to, packet, remote, localHost) => {
          seen.push({ remote, localHost, length: packet.length });
          return handOver(to, packet, remote, localHost);
        };
      }
      const client = await world.endpoint();
      await connectMany(world, client, group.address, 20);
      expect(workers.map(acceptedBy).reduce((sum, count) => sum + count)).toBe(20);
      expect(group.forwarded.length).toBeGreaterThanOrEqual(20);
      expect(group.forwarded.every(({ isLong, from, to }) => isLong && from !== to)).toBe(true);
      for (const packet of seen) {
        expect(packet).toEqual({ remote: client.localAddress, localHost: "127.0.0.1", length: 1200 });
      }
    }),
  );

  it(
    "handles it itself when the other one is gone: it accepts a client",
    withGroup("bpf", "uv", async (world, group) => {
      const worker = await group.start(1, { active: [0], newConnections: "hash" });
      group.sockets.steer([1]);
      const asked: number[] = [];
      const handOver = worker.foreignPacket.bind(worker);
      worker.foreignPacket = (to, ...packet) => {
        asked.push(to);
        return handOver(to, ...packet);
      };
      await connectMany(world, await world.endpoint(), group.address, 3);
      expect(acceptedBy(worker)).toBe(3);
      expect(new Set(asked)).toEqual(new Set([0]));
    }),
  );

  it(
    "handles it itself when the other one is gone: it resets a connection",
    withGroup("bpf", "uv", async (world, group) => {
      const child = await group.spawn(0);
      const { quic, events } = world.connect(await world.endpoint(), group.address);
      await events.first("connected");
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
      await group.start(1, { slot: 0 });
      quic.sendDatagram(nothing, bytes("is anybody there?"));
      expect((await events.first("closed")).info).toMatchObject({ by: "transport", kind: "stateless-reset" });
    }),
  );

  it(
    "ignores new connections after a silent stop, when there is nobody to hand them to",
    withGroup("bpf", "uv", async (world, group) => {
      const leaving = await group.start(0);
      leaving.endpoint.stopAccepting({ silently: true });
      const [initial] = await firstFlight(world);
      const sender = createSocket("udp4");
      try {
        const answers: Buffer[] = [];
        sender.on("message", (packet) => answers.push(packet));
        sender.connect(group.address.port, group.address.host);
        await once(sender, "connect");
        sender.send(initial);
        // A server answers an unknown version (RFC 9000 §6.1) behind all that has come before.
        const unknownVersion = Buffer.from(initial);
        unknownVersion.writeUInt32BE(0x1a2a3a4a, 1);
        sender.send(unknownVersion);
        await expect.poll(() => answers.length).toBe(1);
        expect(answers[0]?.readUInt32BE(1), "Version Negotiation").toBe(0);
        expect(leaving.endpoint.getStats()).toMatchObject({ handshakesAccepted: 0, handshakesRefused: 0 });
      } finally {
        sender.close();
      }
    }),
  );
});

/** The packets that a client begins with. */
async function firstFlight(world: World): Promise<[Buffer, ...Buffer[]]> {
  const sink = createSocket("udp4");
  try {
    sink.bind(0, "127.0.0.1");
    await once(sink, "listening");
    const message = once(sink, "message");
    const client = await world.endpoint();
    world.connect(client, { host: "127.0.0.1", port: sink.address().port });
    const [packet] = (await message) as [Buffer];
    return [packet];
  } finally {
    sink.close();
  }
}
