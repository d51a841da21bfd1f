import { describe, expect, it } from "vitest";

import type { WebTransportSession } from "../../../../src/transport/session/session.ts";
import type { EngineFactory } from "../../engine/under-test.ts";
import type { SessionWorld } from "../session-world.ts";
import { rejection, text, withSessions } from "../with-sessions.ts";

export function datagramCases(factory: EngineFactory, keepsDatagrams: boolean): void {
  /** Sends until one has arrived: any of them may be lost. */
  async function deliver(
    world: SessionWorld,
    from: WebTransportSession,
    to: WebTransportSession,
    data: string,
  ): Promise<unknown> {
    for (;;) {
      await from.datagrams.send(data);
      await world.passed();
      const received = to.datagrams.tryReceive();
      if (received !== undefined) return text(received);
    }
  }

  describe("datagrams", () => {
    it(
      "arrive whole, in both directions",
      withSessions(factory, async (world) => {
        const { client, server } = await world.session();
        expect(await deliver(world, client, server, "to the server")).toBe("to the server");
        expect(await deliver(world, server, client, "to the client")).toBe("to the client");
        expect(client.datagrams.stats.sent).toBeGreaterThan(0);
        expect(client.datagrams.stats.received).toBeGreaterThan(0);
      }),
    );

    it(
      "are refused beyond maxDatagramSize, with both sizes",
      withSessions(factory, async (world) => {
        const { client } = await world.session();
        const maxSize = client.datagrams.maxDatagramSize;
        expect(maxSize).toBeGreaterThan(1000);
        const tooLarge = new Uint8Array(70_000);
        expect(await rejection(client.datagrams.send(tooLarge))).toMatchObject({
          name: "DatagramError",
          datagramSize: 70_000,
          maxSize: client.datagrams.maxDatagramSize,
        });
        expect(client.datagrams.trySend(tooLarge)).toBe(false);
        expect(client.datagrams.trySend(new Uint8Array(maxSize))).toBe(true);
      }),
    );

    it(
      "are unsupported where the peer takes none",
      withSessions(
        factory,
        async (world) => {
          const { client } = await world.session();
          expect(client.datagrams.maxDatagramSize).toBe(0);
          expect(await rejection(client.datagrams.send("x"))).toMatchObject({ code: "ERR_WT_DATAGRAM_UNSUPPORTED" });
        },
        { serverTransport: { maxDatagramFrameSize: 0 } },
      ),
    );

    it(
      "receive() times out and is aborted",
      withSessions(factory, async (world) => {
        const { client } = await world.session();
        const late = rejection(client.datagrams.receive({ timeout: 100 }));
        expect(await world.elapsing(200, late)).toMatchObject({ name: "TimeoutError" });
        const abort = new AbortController();
        const aborted = rejection(client.datagrams.receive({ signal: abort.signal }));
        abort.abort(new Error("enough"));
        expect(await aborted).toMatchObject({ message: "enough" });
      }),
    );

    it(
      "give null at the clean end of the session, and refuse to be sent",
      withSessions(factory, async (world) => {
        const { client, server } = await world.session();
        const waiting = server.datagrams.receive();
        await client.close();
        expect(await waiting).toBeNull();
        expect(await rejection(server.datagrams.send("late"))).toMatchObject({ name: "SessionError" });
        expect(server.datagrams.trySend("late")).toBe(false);
        expect(server.datagrams.maxDatagramSize).toBe(0);
      }),
    );

    if (!keepsDatagrams) return;

    it(
      "may be empty",
      withSessions(factory, async (world) => {
        const { client, server } = await world.session();
        await client.datagrams.send(new Uint8Array(0));
        expect((await server.datagrams.receive())?.byteLength).toBe(0);
      }),
    );

    it(
      "past the high-water mark drop the oldest, and are counted",
      withSessions(factory, async (world) => {
        const { client, server } = await world.session();
        server.datagrams.incomingHighWaterMark = 2;
        for (const data of ["1", "2", "3", "4", "5"]) await client.datagrams.send(data);
        while (server.datagrams.stats.received < 5) await world.passed();
        expect(server.datagrams.stats).toMatchObject({ droppedIncoming: 3, queuedIncoming: 2 });
        expect(server.getStats().datagramsDropped).toBe(3);
      }),
    );

    it(
      "that are too old are dropped, and counted",
      withSessions(factory, async (world) => {
        const { client, server } = await world.session();
        await client.datagrams.send("old");
        while (server.datagrams.stats.received < 1) await world.passed();
        server.datagrams.incomingMaxAge = 0;
        const { setTimer } = world.under.time;
        const waited = new Promise<void>((resolve) => {
          if (setTimer === undefined) setTimeout(resolve, 20);
          else setTimer(20, resolve);
        });
        await world.elapsing(20, waited);
        expect(server.datagrams.tryReceive()).toBeUndefined();
        expect(server.datagrams.stats).toMatchObject({ expiredIncoming: 1, queuedIncoming: 0 });
      }),
    );

    it(
      "of several sessions do not mix",
      withSessions(factory, async (world) => {
        const first = await world.session();
        const second = await world.session();
        await second.client.datagrams.send("second");
        await first.client.datagrams.send("first");
        expect(text(await first.server.datagrams.receive())).toBe("first");
        expect(text(await second.server.datagrams.receive())).toBe("second");
      }),
    );
  });
}
