import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { once } from "node:events";

import { describe, expect, it } from "vitest";

import type { ServerOptions, SocketAddress } from "../../../src/engine/engine.ts";
import { nativeUnderTest } from "../../conformance/engine/native-under-test.ts";
import { withWorld } from "../../conformance/engine/with-world.ts";
import { bytes, otherCertificate } from "../../conformance/engine/world.ts";
import type { World } from "../../conformance/engine/world.ts";

const key = new Uint8Array(32).fill(7);
const otherKey = new Uint8Array(32).fill(8);
const factory = nativeUnderTest("poll");

/** Takes one client's packets to a server of the test's choice, from an address of the test's choice. */
class Switch {
  /** Called with each packet of the server, before the client has it. */
  onServerPacket: (packet: Buffer) => void = () => {};
  readonly clientPackets: Buffer[] = [];
  readonly #front = createSocket("udp4");
  readonly #backs: Socket[] = [];
  #back: Socket | undefined;
  #server: SocketAddress;
  #client: { readonly port: number; readonly address: string } | undefined;

  constructor(server: SocketAddress) {
    this.#server = server;
    this.#front.on("message", (packet, client) => {
      this.#client = client;
      this.clientPackets.push(packet);
      this.#back?.send(packet, this.#server.port, this.#server.host);
    });
  }

  static async to(server: SocketAddress): Promise<Switch> {
    const created = new Switch(server);
    await bind(created.#front);
    created.useBack(await created.newBack());
    return created;
  }

  get address(): SocketAddress {
    return { host: "127.0.0.1", port: this.#front.address().port, family: 4 };
  }

  useServer(server: SocketAddress): void {
    this.#server = server;
  }

  async newBack(): Promise<Socket> {
    const back = createSocket("udp4");
    this.#backs.push(back);
    back.on("message", (packet) => {
      this.onServerPacket(packet);
      if (this.#client !== undefined) this.#front.send(packet, this.#client.port, this.#client.address);
    });
    await bind(back);
    return back;
  }

  /** Packets reach the server from this socket from now on. */
  useBack(back: Socket): void {
    this.#back = back;
  }

  close(): void {
    for (const socket of [this.#front, ...this.#backs]) socket.close();
  }
}

async function bind(socket: Socket): Promise<void> {
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
}

/** A Retry packet (RFC 9000 §17.2.5). */
function isRetry(packet: Buffer): boolean {
  return ((packet[0] ?? 0) & 0xf0) === 0xf0;
}

describe("endpoints that share keys", () => {
  it(
    "issue connection IDs that begin with their worker id",
    withWorld(factory, async (world) => {
      const { endpoint, acceptor } = await world.server({ workerId: 0x0102, resetKey: key });
      const path = await Switch.to(endpoint.localAddress);
      try {
        const { quic, events } = world.connect(await world.endpoint(), path.address);
        await events.first("connected");
        const { events: heard } = await acceptor.connectionNumber(1);
        path.clientPackets.length = 0;
        quic.sendDatagram(new Uint8Array(0), bytes("hello"));
        await heard.first("datagram");
        const short = path.clientPackets.filter((packet) => ((packet[0] ?? 0) & 0x80) === 0);
        expect(short.length).toBeGreaterThan(0);
        for (const packet of short) expect(packet.readUInt16BE(1)).toBe(0x0102);
      } finally {
        path.close();
      }
    }),
  );

  it(
    "tell a client of a connection that another one has had by a stateless reset",
    withWorld(factory, async (world) => {
      const first = await world.server({ workerId: 1, resetKey: key });
      const second = await world.server({ workerId: 2, resetKey: key });
      const path = await Switch.to(first.endpoint.localAddress);
      try {
        const { quic, events } = world.connect(await world.endpoint(), path.address);
        await events.first("connected");
        path.useServer(second.endpoint.localAddress);
        quic.sendDatagram(new Uint8Array(0), bytes("is anybody there?"));
        expect((await events.first("closed")).info).toMatchObject({ by: "transport", kind: "stateless-reset" });
      } finally {
        path.close();
      }
    }),
  );

  /** A client that another server than the one that it goes on with has sent a Retry to. */
  async function afterRetry(world: World, second: Partial<ServerOptions>, changesAddress: boolean) {
    const asking = await world.server({ retry: "always", tokenKey: key, resetKey: key });
    const other = await world.server({ retry: "always", tokenKey: key, resetKey: key, ...second });
    const path = await Switch.to(asking.endpoint.localAddress);
    const elsewhere = await path.newBack();
    let retries = 0;
    path.onServerPacket = (packet) => {
      if (!isRetry(packet)) return;
      retries += 1;
      path.useServer(other.endpoint.localAddress);
      if (changesAddress) path.useBack(elsewhere);
    };
    const { events } = world.connect(await world.endpoint(), path.address);
    return { path, events, other, retries: () => retries };
  }

  it(
    "accept each other's Retry tokens",
    withWorld(factory, async (world) => {
      const { path, events, other, retries } = await afterRetry(world, {}, false);
      try {
        await events.first("connected");
        expect(retries()).toBe(1);
        expect(other.endpoint.getStats().handshakesAccepted).toBe(1);
      } finally {
        path.close();
      }
    }),
  );

  it(
    "do not accept a Retry token from another address",
    withWorld(factory, async (world) => {
      const { path, events, other } = await afterRetry(world, {}, true);
      try {
        // RFC 9000 §20.1: INVALID_TOKEN.
        expect((await events.first("closed")).info).toMatchObject({ by: "peer", kind: "transport", code: 0x0bn });
        expect(other.endpoint.getStats().handshakesAccepted).toBe(0);
      } finally {
        path.close();
      }
    }),
  );

  it(
    "do not accept a Retry token of another key",
    withWorld(factory, async (world) => {
      const { path, other, retries } = await afterRetry(world, { tokenKey: otherKey }, false);
      try {
        // The other one asks for a proof of its own, which the client ignores (RFC 9000 §17.2.5.2).
        await expect.poll(retries).toBe(2);
        expect(other.endpoint.getStats().handshakesAccepted).toBe(0);
      } finally {
        path.close();
      }
    }),
  );
});

describe("an endpoint whose keys are replaced", () => {
  it.each([
    ["accepts a Retry token of the key before", [otherKey], true],
    ["does not accept one of the key before that", [otherKey, new Uint8Array(32).fill(9)], false],
  ])("%s", (_, replacements, isAccepted) =>
    withWorld(factory, async (world) => {
      const { endpoint } = await world.server({ retry: "always", tokenKey: key });
      const path = await Switch.to(endpoint.localAddress);
      try {
        let retries = 0;
        path.onServerPacket = (packet) => {
          if (!isRetry(packet)) return;
          retries += 1;
          if (retries === 1) for (const tokenKey of replacements) endpoint.updateKeys({ tokenKey });
        };
        const { events } = world.connect(await world.endpoint(), path.address);
        if (isAccepted) {
          await events.first("connected");
          expect(retries).toBe(1);
        } else {
          // A proof of its own is asked for, which the client ignores (RFC 9000 §17.2.5.2).
          await expect.poll(() => retries).toBe(2);
          expect(endpoint.getStats().handshakesAccepted).toBe(0);
        }
      } finally {
        path.close();
      }
    })(),
  );
});

describe("an endpoint with keys of its own", () => {
  it(
    "accepts its Retry tokens after its identity was exchanged",
    withWorld(factory, async (world) => {
      const { endpoint } = await world.server({ retry: "always" });
      const path = await Switch.to(endpoint.localAddress);
      try {
        let retries = 0;
        path.onServerPacket = (packet) => {
          if (!isRetry(packet)) return;
          retries += 1;
          endpoint.updateIdentity(otherCertificate);
        };
        const { events } = world.connect(await world.endpoint(), path.address);
        await events.first("connected");
        expect(retries).toBe(1);
      } finally {
        path.close();
      }
    }),
  );
});
