import { closeSync, openSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";

import { describe, expect, it } from "vitest";

import { EngineError } from "../../../src/engine/engine.ts";
import type { EndpointOptions } from "../../../src/engine/engine.ts";
import { bindSocketGroup } from "../../../src/engine/native/socket-group.ts";
import type { SocketGroupOptions } from "../../../src/engine/native/socket-group.ts";
import { nativeUnderTest } from "../../conformance/engine/native-under-test.ts";
import { withWorld } from "../../conformance/engine/with-world.ts";
import { Acceptor, certificate } from "../../conformance/engine/world.ts";

import { WorkerGroup } from "./worker-group.ts";

const factory = nativeUnderTest("poll");
const isLinux = process.platform === "linux";
const modes = isLinux ? (["bpf", "shared"] as const) : (["shared"] as const);
const server = { identity: certificate, alpn: ["test"] };

function failure(call: () => unknown): EngineError {
  try {
    call();
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
  throw new Error("The call did not throw");
}

describe.each(modes)("bindSocketGroup() in mode %s", (mode) => {
  const options: SocketGroupOptions = { host: "127.0.0.1", port: 0, slots: 3, mode };

  it("gives each slot a descriptor of one port", () => {
    const group = bindSocketGroup(options);
    try {
      expect(group).toMatchObject({ mode, localAddress: { host: "127.0.0.1", family: 4 } });
      expect(group.localAddress.port).toBeGreaterThan(0);
      expect(group.descriptors).toHaveLength(3);
      expect(new Set(group.descriptors).size).toBe(mode === "bpf" ? 3 : 1);
    } finally {
      group.close();
      group.close();
    }
  });

  it.each([1, 2, 256])("binds %i slots, and frees the port when it is closed", (slots) => {
    const first = bindSocketGroup({ ...options, slots });
    const { port } = first.localAddress;
    first.steer([0]);
    first.close();
    bindSocketGroup({ ...options, slots, port }).close();
  });

  it("binds ::, for both families", async () => {
    await withWorld(factory, async (world) => {
      const group = new WorkerGroup(world, mode, 2, "::");
      try {
        group.steer([1]);
        const worker = await group.start(1);
        for (const host of ["127.0.0.1", "::1"]) {
          const client = await world.endpoint({ host });
          const { events } = world.connect(client, { host, port: group.address.port });
          await events.first("connected");
        }
        await expect.poll(() => worker.accepted.length).toBe(2);
        const remotes = worker.accepted.map(({ info }) => info.remoteAddress.host);
        expect(remotes).toEqual(["127.0.0.1", "::1"]);
      } finally {
        await group.close();
      }
    })();
  });

  it("refuses a second group of the same address", () => {
    const group = bindSocketGroup(options);
    try {
      const { port } = group.localAddress;
      for (const other of modes) {
        for (const host of ["127.0.0.1", "0.0.0.0", "::"]) {
          expect(failure(() => bindSocketGroup({ ...options, host, port, mode: other })).code).toBe("address-in-use");
        }
      }
    } finally {
      group.close();
    }
  });

  it(
    "is refused where somebody else has the address, with SO_REUSEPORT or without",
    withWorld(factory, async (world) => {
      for (const reusePort of [false, true]) {
        const { localAddress } = await world.endpoint({ reusePort });
        expect(failure(() => bindSocketGroup({ ...options, port: localAddress.port })).code).toBe("address-in-use");
      }
    }),
  );

  it(
    "lets no other endpoint take its packets",
    withWorld(factory, async (world) => {
      const group = new WorkerGroup(world, mode, 2);
      try {
        group.steer([0, 1]);
        const workers = [await group.start(0), await group.start(1)];
        const port = group.address.port;
        await expect(world.server({}, {}, { port })).rejects.toMatchObject({ code: "address-in-use" });
        const intruder = world.server({}, {}, { port, reusePort: true });
        // Linux lets it join the sockets of a group that has several.
        if (mode === "shared") await expect(intruder).rejects.toMatchObject({ code: "address-in-use" });
        const client = await world.endpoint();
        for (let index = 0; index < 30; index += 1) {
          await world.connect(client, group.address).events.first("connected");
        }
        const accepted = workers.map(({ endpoint }) => endpoint.getStats().handshakesAccepted);
        expect(accepted.reduce((sum, count) => sum + count)).toBe(30);
        if (mode === "bpf") expect((await intruder).endpoint.getStats().handshakesAccepted).toBe(0);
      } finally {
        await group.close();
      }
    }),
  );

  it("tells what is wrong with its options", () => {
    const faults: [code: string, text: string, options: Partial<SocketGroupOptions>][] = [
      ["invalid-option", "slots must be from 1 to 256", { slots: 0 }],
      ["invalid-option", "slots must be from 1 to 256", { slots: 257 }],
      ["invalid-option", "slots must be from 1 to 256", { slots: 1.5 }],
      ["invalid-option", "host must be an IP address", { host: "localhost" }],
      ["invalid-option", "mode must be", { mode: "ebpf" as "bpf" }],
      ["address-not-available", "", { host: "192.0.2.1" }],
    ];
    for (const [code, text, wrong] of faults) {
      const error = failure(() => bindSocketGroup({ ...options, ...wrong }));
      expect(error.code).toBe(code);
      expect(error.message).toContain(text);
    }
  });

  it("tells what is wrong with the slots to steer to, and steers on as before", () => {
    const group = bindSocketGroup(options);
    try {
      for (const [active, reading, shares] of [
        [[], [0]],
        [[3], []],
        [[0, 0], []],
        [[0], [4]],
        [[0], [], []],
        [[0], [], [65_535]],
        [[0, 1], [], [65_536]],
        [[0, 1], [], [0, 65_536]],
        [[0, 1], [], [0.5, 65_535.5]],
      ] as const) {
        expect(failure(() => group.steer(active, reading, shares)).code).toBe("invalid-option");
      }
      group.steer([2, 0], [1]);
      group.steer([2, 0], [1], [1, 65_535]);
    } finally {
      group.close();
    }
  });
});

describe("an endpoint with a descriptor", () => {
  it(
    "works on a duplicate: the socket stays open for its owner",
    withWorld(factory, async (world) => {
      const group = bindSocketGroup({ host: "127.0.0.1", port: 0, slots: 1, mode: "shared" });
      try {
        const descriptor = group.descriptors[0] ?? -1;
        for (let round = 0; round < 3; round += 1) {
          const endpoint = await world.endpoint({ descriptor, host: "::", port: 1, server }, new Acceptor());
          expect(endpoint.localAddress).toEqual(group.localAddress);
          await world.connect(await world.endpoint(), group.localAddress).events.first("connected");
          await endpoint.close(0n, "");
        }
      } finally {
        group.close();
      }
    }),
  );

  it(
    "goes on when the owner has closed the socket",
    withWorld(factory, async (world) => {
      const group = bindSocketGroup({ host: "127.0.0.1", port: 0, slots: 1, mode: "shared" });
      await world.endpoint({ descriptor: group.descriptors[0] ?? -1, server }, new Acceptor());
      group.close();
      await world.connect(await world.endpoint(), group.localAddress).events.first("connected");
    }),
  );

  it(
    "has the buffers of an endpoint that binds its own socket",
    withWorld(factory, async (world) => {
      const group = bindSocketGroup({ host: "127.0.0.1", port: 0, slots: 1, mode: "shared" });
      try {
        const adopted = await world.endpoint({ descriptor: group.descriptors[0] ?? -1 });
        const { receiveBufferSize, sendBufferSize } = (await world.endpoint()).getStats();
        expect(adopted.getStats()).toMatchObject({ receiveBufferSize, sendBufferSize });
      } finally {
        group.close();
      }
    }),
  );

  it(
    "refuses what is no bound UDP socket",
    withWorld(factory, async (world) => {
      const file = openSync(process.execPath, "r");
      const tcp = createServer();
      tcp.listen(0, "127.0.0.1");
      await once(tcp, "listening");
      const handle = (tcp as unknown as { readonly _handle: { readonly fd: number } })._handle;
      try {
        const wrong: [descriptor: number, why: string][] = [
          [-1, "is not open"],
          [1_000_000, "is not open"],
          [1.5, "is no descriptor"],
          [Number.NaN, "is no descriptor"],
          [2 ** 40, "is no descriptor"],
          [file, "is no socket"],
          [handle.fd, "is another kind of socket"],
        ];
        for (const [descriptor, why] of wrong) {
          await expect(world.endpoint({ descriptor }), String(descriptor)).rejects.toMatchObject({
            name: "EngineError",
            code: "invalid-option",
            message: expect.stringContaining(why) as string,
          });
        }
      } finally {
        closeSync(file);
        tcp.close();
      }
    }),
  );
});

describe("the option steering", () => {
  const steering = { slots: 2, activeWorkers: [0] };

  it(
    "is checked",
    withWorld(factory, async (world) => {
      const worker = { ...server, workerId: 1 };
      const wrong: [text: string, options: Partial<EndpointOptions>][] = [
        ["steering needs a workerId", { server, steering }],
        ["endpoints that accept connections", { steering }],
        ["steering.slots must be from 1 to 256", { server: worker, steering: { ...steering, slots: 257 } }],
        ["workerId must be less than", { server: worker, steering: { ...steering, slots: 1 } }],
        ["steering.activeWorkers", { server: worker, steering: { ...steering, activeWorkers: [2] } }],
        ["steering.activeWorkers", { server: worker, steering: { ...steering, activeWorkers: [1, 1] } }],
        [
          "steering.shares must be a whole number from 1 on for each of 1 workers, 65536 in sum",
          { server: worker, steering: { ...steering, shares: [65_535] } },
        ],
        [
          "steering.newConnections",
          { server: worker, steering: { ...steering, newConnections: "kernel" as "anyone" } },
        ],
      ];
      for (const [text, options] of wrong) {
        await expect(world.endpoint(options), text).rejects.toMatchObject({
          code: "invalid-option",
          message: expect.stringContaining(text) as string,
        });
      }
      const endpoint = await world.endpoint({ server: worker, steering });
      endpoint.setActiveWorkers([]);
      expect(failure(() => endpoint.setActiveWorkers([2])).code).toBe("invalid-option");
      const alone = await world.endpoint({ server });
      expect(failure(() => alone.setActiveWorkers([0])).code).toBe("invalid-option");
    }),
  );
});
