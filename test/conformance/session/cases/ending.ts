import { describe, expect, it } from "vitest";

import type { EngineFactory } from "../../engine/under-test.ts";
import type { SessionWorld } from "../session-world.ts";
import { given, rejection, withSessions } from "../with-sessions.ts";

/** The CONNECT stream of the first session. */
const connectStream = 0;

const sides = [
  ["client", "server"],
  ["server", "client"],
] as const;

export function endingCases(factory: EngineFactory): void {
  for (const [from, to] of sides) {
    /** A session with a stream under way, whose `to` side is watched. */
    async function underWay(world: SessionWorld) {
      const session = await world.session();
      const stream = await session[from].createBidirectionalStream();
      await stream.write("under way");
      const incoming = given(await session[to].incomingBidirectionalStreams.next());
      await incoming.readExactly(9);
      return { session, ended: Promise.all([rejection(incoming.readAll()), rejection(incoming.writeClosed)]) };
    }

    describe(`the ${from} ends a session with`, () => {
      it(
        "FIN without a capsule: a clean end with code 0",
        withSessions(factory, async (world) => {
          const { session, ended } = await underWay(world);
          world[from].quic.write(connectStream, new Uint8Array(0), true);
          expect(await session[to].closed).toMatchObject({ clean: true, code: 0, reason: "", by: "peer" });
          for (const error of await world.elapsing(1500, ended)) expect(error).toMatchObject({ closeCode: 0 });
        }),
      );

      it(
        "a reset of the CONNECT stream: no clean end",
        withSessions(factory, async (world) => {
          const { session, ended } = await underWay(world);
          world[from].quic.reset(connectStream, 0x10cn);
          const info = await session[to].closed;
          expect(info).toMatchObject({ clean: false, by: "peer", error: { errorCode: 0x10c } });
          for (const error of await ended) expect(error).toMatchObject({ name: "SessionError" });
        }),
      );

      it(
        "STOP_SENDING of the CONNECT stream: no clean end",
        withSessions(factory, async (world) => {
          const { session, ended } = await underWay(world);
          world[from].quic.stop(connectStream, 0x10cn);
          expect(await session[to].closed).toMatchObject({ clean: false, by: "peer" });
          for (const error of await ended) expect(error).toMatchObject({ name: "SessionError" });
        }),
      );

      it(
        "a capsule that is cut short: no clean end",
        withSessions(factory, async (world) => {
          const { session } = await underWay(world);
          // DATA frame with the first two bytes of CLOSE_WEBTRANSPORT_SESSION.
          world[from].quic.write(connectStream, new Uint8Array([0x00, 0x02, 0x68, 0x43]), true);
          expect(await session[to].closed).toMatchObject({ clean: false });
        }),
      );

      it(
        "H3_NO_ERROR for the connection: a clean end",
        withSessions(factory, async (world) => {
          const { session, ended } = await underWay(world);
          world[from].quic.close(0x100n, "bye");
          expect(await session[to].closed).toMatchObject({ clean: true, code: 0, reason: "bye", by: "peer" });
          expect(await session[from].closed).toMatchObject({ clean: true, by: "local" });
          for (const error of await ended) expect(error).toMatchObject({ name: "SessionError" });
        }),
      );

      it(
        "a mapped code for the connection: a clean end with that code",
        withSessions(factory, async (world) => {
          const { session } = await underWay(world);
          // protocol.md 5.4: application code 30 maps to first + 30 + floor(30 / 30).
          world[from].quic.close(0x52e4a40fa8dbn + 31n, "");
          expect(await session[to].closed).toMatchObject({ clean: true, code: 30, by: "peer" });
        }),
      );

      it(
        "another code for the connection: no clean end",
        withSessions(factory, async (world) => {
          const { session, ended } = await underWay(world);
          world[from].quic.close(0x102n, "internal");
          const info = await session[to].closed;
          expect(info).toMatchObject({ clean: false, by: "peer", error: { errorCode: 0x102 } });
          for (const error of await ended) expect(error).toMatchObject({ name: "SessionError" });
        }),
      );
    });
  }

  describe("a connection that is lost", () => {
    it(
      "ends its sessions on both sides, unclean and by nobody",
      withSessions(
        factory,
        async (world) => {
          const { client, server } = await world.session();
          const stream = await client.createBidirectionalStream();
          await stream.write("x");
          const waiting = rejection(stream.read());
          world.path.cut();
          await world.elapsing(2000, Promise.all([client.closed, server.closed]));
          for (const session of [client, server]) {
            const info = await session.closed;
            expect(info).toMatchObject({ clean: false, by: "transport", error: { code: "ERR_WT_CONNECTION_LOST" } });
          }
          expect(await waiting).toMatchObject({ name: "SessionError" });
        },
        {
          clientTransport: { maxIdleTimeout: 600, keepAliveInterval: 0 },
          serverTransport: { maxIdleTimeout: 600, keepAliveInterval: 0 },
        },
      ),
    );
  });
}
