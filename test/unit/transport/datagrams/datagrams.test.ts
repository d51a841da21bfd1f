import { describe, expect, it } from "vitest";

import { CapsuleType } from "../../../../src/constants/http3.ts";
import { SessionError } from "../../../../src/errors/errors.ts";
import { capsule, data } from "../../protocol/wire.ts";

import { bytes, isPending, text } from "../fake-quic.ts";
import { Pair } from "../pair.ts";

describe("datagrams of a session", () => {
  it("leave in a later turn than the acceptance: a packet would carry them before it", async () => {
    const handed: string[] = [];
    const pair = await Pair.create({
      onSession: async (request) => {
        const { server } = pair.quic;
        const sendDatagram = server.sendDatagram.bind(server);
        server.sendDatagram = (header, payload) => {
          handed.push(text(Uint8Array.from(payload)) ?? "");
          return sendDatagram(header, payload);
        };
        const session = await request.accept();
        const sent = session.datagrams.send("first");
        expect(session.datagrams.trySend("second")).toBe(true);
        expect(session.datagrams.trySend(new Uint8Array(session.datagrams.maxDatagramSize + 1))).toBe(false);
        expect(handed).toEqual([]);
        await sent;
        expect(session.datagrams.trySend("third")).toBe(true);
      },
    });
    const client = await pair.wait(pair.client.openSession({ url: "https://localhost/x" }));
    await pair.settle();
    expect(handed).toEqual(["first", "second", "third"]);
    expect(text(await client.datagrams.receive())).toBe("first");
  });

  it("come with their bytes, the empty one too", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    await client.datagrams.send("ping");
    expect(client.datagrams.trySend(new Uint8Array(0))).toBe(true);
    await pair.settle();
    expect(text(await server.datagrams.receive())).toBe("ping");
    expect(server.datagrams.tryReceive()?.byteLength).toBe(0);
    expect(server.datagrams.tryReceive()).toBeUndefined();
  });

  it("are refused when they are too large, with both sizes", async () => {
    const pair = await Pair.create();
    const { client } = await pair.session();
    const max = client.datagrams.maxDatagramSize;
    const sizes = { datagramSize: max + 1, maxSize: max, code: "ERR_WT_DATAGRAM_TOO_LARGE" };
    await expect(client.datagrams.send(new Uint8Array(max + 1))).rejects.toMatchObject(sizes);
    expect(client.datagrams.trySend(new Uint8Array(max + 1))).toBe(false);
    await client.datagrams.send(new Uint8Array(max));
  });

  it("drop the oldest past the high-water mark and count it", async () => {
    const pair = await Pair.create({ server: { datagramHighWaterMark: 2 } });
    const { client, server } = await pair.session();
    for (const data of ["1", "2", "3"]) void client.datagrams.send(data);
    await pair.settle();
    expect(server.datagrams.stats).toMatchObject({ received: 3, droppedIncoming: 1, queuedIncoming: 2 });
    expect(text(await server.datagrams.receive())).toBe("2");
  });

  it("drop the oldest past 1 MiB, however few they are, and count it", async () => {
    const pair = await Pair.create();
    const { server } = await pair.session();
    const send = async (first: number): Promise<void> => {
      const payload = new Uint8Array(65_000);
      payload[0] = first;
      pair.quic.client.write(0, data(capsule(CapsuleType.datagram, payload)), false);
      await pair.settle();
    };
    for (let index = 0; index < 40; index += 1) await send(index);
    expect(server.datagrams.stats).toMatchObject({ received: 40, droppedIncoming: 24, queuedIncoming: 16 });
    expect(server.datagrams.tryReceive()?.[0]).toBe(24);
    // What was taken makes room.
    await send(40);
    expect(server.datagrams.stats).toMatchObject({ droppedIncoming: 24, queuedIncoming: 16 });
  });

  it("wait while the engine is blocked and go out in order", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    const unblock = pair.blockDatagrams("client");
    const data = bytes("1");
    const first = client.datagrams.send(data);
    data.fill(0);
    const second = client.datagrams.send("2", { ttl: 10 });
    const third = client.datagrams.send("3");
    expect(client.datagrams.trySend("x")).toBe(false);
    expect(await isPending(first)).toBe(true);
    await pair.time.advance(20);
    unblock();
    await Promise.all([first, second, third]);
    await pair.settle();
    expect(text(await server.datagrams.receive())).toBe("1");
    expect(text(await server.datagrams.receive())).toBe("3");
    expect(client.datagrams.stats.expiredOutgoing).toBe(1);
  });

  it("receive() times out, aborts, and ends with the session", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    const timed = server.datagrams.receive({ timeout: 10 });
    await pair.time.advance(10);
    await expect(timed).rejects.toMatchObject({ code: "ERR_WT_TIMEOUT" });
    const last = server.datagrams.receive();
    await pair.wait(client.close());
    expect(await last).toBeNull();
    expect(await server.datagrams.receive()).toBeNull();
    await expect(server.datagrams.send("late")).rejects.toBeInstanceOf(SessionError);
  });
});
