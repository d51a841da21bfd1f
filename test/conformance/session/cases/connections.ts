import { describe, expect, it } from "vitest";

import { Deferred } from "../../../../src/async/promises.ts";
import { FrameType } from "../../../../src/constants/http3.ts";
import type { IncomingSession } from "../../../../src/transport/session/request.ts";
import { frame } from "../../../unit/protocol/wire.ts";
import type { EngineFactory } from "../../engine/under-test.ts";
import { given, rejection, text, withSessions } from "../with-sessions.ts";

export function connectionCases(factory: EngineFactory): void {
  describe("several sessions of a connection", () => {
    it(
      "live and end by themselves",
      withSessions(factory, async (world) => {
        const first = await world.session();
        const second = await world.session();
        expect(world.client.connection.sessions).toHaveLength(2);
        const stream = await second.client.createUnidirectionalStream();
        await stream.write("before, ");
        await first.client.close({ code: 1 });
        expect(await first.server.closed).toMatchObject({ code: 1 });
        expect(second.server.isReady).toBe(true);
        await stream.writeAll("after");
        const incoming = given(await second.server.incomingUnidirectionalStreams.next());
        expect(text(await incoming.readAll())).toBe("before, after");
        await second.server.close({ code: 2 });
        expect(await second.client.closed).toMatchObject({ code: 2, by: "peer" });
        expect(world.client.connection.state).toBe("connected");
        const third = await world.session();
        expect(third.client.isReady).toBe(true);
      }),
    );

    it(
      "are as many as maxSessions at a time",
      withSessions(
        factory,
        async (world) => {
          const first = await world.session();
          await world.session();
          expect(await rejection(world.open())).toMatchObject({ name: "HttpError", status: 429 });
          await first.client.close();
          expect((await world.session()).client.isReady).toBe(true);
        },
        { server: { maxSessions: 2 } },
      ),
    );

    it("are not disturbed by a request for an authority that is not served, of which the application sees nothing", async () => {
      const refused: unknown[] = [];
      await withSessions(
        factory,
        async (world) => {
          const requests: unknown[] = [];
          world.server.connection.on("session_request", (event) => requests.push(event));
          const { client, server } = await world.session();
          expect(await rejection(world.open({ url: "https://other.example/test" }))).toMatchObject({
            name: "HttpError",
            status: 421,
          });
          expect(requests).toHaveLength(1);
          const stream = await client.createUnidirectionalStream();
          await stream.writeAll("goes on");
          expect(text(await given(await server.incomingUnidirectionalStreams.next()).readAll())).toBe("goes on");
          expect((await world.session()).client.isReady).toBe(true);
        },
        {
          server: { servesAuthority: (authority) => authority === "localhost" },
          onRefused: (request) => void refused.push(request),
        },
      )();
      expect(refused).toMatchObject([{ status: 421, remoteAddress: { family: 4 } }]);
      expect(refused).toMatchObject([
        { headers: expect.arrayContaining([[":authority", "other.example"]]) as unknown },
      ]);
    });

    it("are told to the connection's owner, each state and end once, whatever becomes of listeners", async () => {
      const told: unknown[] = [];
      await withSessions(
        factory,
        async (world) => {
          const first = await world.session();
          const second = await world.session();
          world.server.connection.removeAllListeners();
          const stream = await first.client.createUnidirectionalStream();
          await stream.writeAll("hello");
          const incoming = given(await first.server.incomingUnidirectionalStreams.next());
          expect(text(await incoming.readAll())).toBe("hello");
          await first.client.close({ code: 3 });
          await first.server.closed;
          second.client.drain();
          await second.server.draining;
          await world.client.connection.close({ abort: true });
          await world.server.connection.closed;
          const ids = [first.server.id, second.server.id];
          expect(told).toEqual([
            "arrived",
            `established ${ids[0]!}`,
            "accepted",
            "arrived",
            `established ${ids[1]!}`,
            "accepted",
            "stream opened",
            "stream closed",
            "session connected > closing",
            "session closing > closed",
            `ended ${ids[0]!} true, 1 stream, 5 bytes`,
            "session connected > draining",
            "session draining > closing",
            "session closing > closed",
            `ended ${ids[1]!} true, 0 stream, 0 bytes`,
            "connection connected > closed",
            "connection ended true",
          ]);
        },
        {
          owner: {
            requestArrived: () => void told.push("arrived"),
            requestAnswered: (_, answer) => void told.push(answer),
            sessionEstablished: ({ id }) => void told.push(`established ${id}`),
            sessionMoved: (from, to) => void told.push(`session ${from} > ${to}`),
            sessionEnded: ({ id }, { clean }, { streamsAccepted, bytesReceived }) =>
              void told.push(`ended ${id} ${clean}, ${streamsAccepted} stream, ${bytesReceived} bytes`),
            streamOpened: () => void told.push("stream opened"),
            streamClosed: () => void told.push("stream closed"),
            connectionMoved: (from, to) => void told.push(`connection ${from} > ${to}`),
            connectionEnded: (_, { clean }) => void told.push(`connection ended ${clean}`),
          },
        },
      )();
    });

    it("tell their owner of requests that are rejected or given up, too", async () => {
      const told: unknown[] = [];
      await withSessions(
        factory,
        async (world) => {
          const rejected = await rejection(world.open());
          expect(rejected).toMatchObject({ status: 418 });
          const abort = new AbortController();
          const given = rejection(world.open({ signal: abort.signal }));
          await requested.promise;
          abort.abort(new Error("enough"));
          expect(await given).toMatchObject({ message: "enough" });
          await cancelled.promise;
          expect(told).toEqual(["rejected 418 application: tea", "cancelled undefined undefined: undefined"]);
        },
        {
          onSession: async (request) => {
            if (told.length === 0) await request.reject(418, { reason: "tea" });
            else requested.resolve(undefined);
          },
          owner: {
            requestAnswered: ({ rejection: how }, answer) => {
              told.push(`${answer} ${how?.status} ${how?.kind}: ${how?.reason}`);
              if (answer === "cancelled") cancelled.resolve(undefined);
            },
          },
        },
      )();
    });
    const requested = new Deferred<undefined>();
    const cancelled = new Deferred<undefined>();

    it(
      "leave nothing behind, however many there were",
      withSessions(factory, async (world) => {
        for (let count = 0; count < 30; count += 1) {
          const { client, server } = await world.session();
          const stream = await client.createBidirectionalStream();
          void stream.write("x");
          if (count % 3 === 0) stream.reset(1);
          await (count % 2 === 0 ? client : server).close({ abort: count % 5 === 0 });
          await Promise.all([client.closed, server.closed]);
        }
        expect(world.client.connection.counts).toMatchObject({ sessions: 0, waiters: 0, requests: 0 });
      }),
    );
  });

  describe("draining", () => {
    it(
      "is asked for by either side, and both go on",
      withSessions(factory, async (world) => {
        const { client, server } = await world.session();
        server.drain();
        await client.draining;
        expect(client.state).toBe("draining");
        expect(client.isReady).toBe(true);
        client.drain();
        await server.draining;
        const stream = await client.createUnidirectionalStream();
        await stream.writeAll("still possible");
        const incoming = given(await server.incomingUnidirectionalStreams.next());
        expect(text(await incoming.readAll())).toBe("still possible");
      }),
    );

    it(
      "of all sessions is what GOAWAY means, and no further ones are opened",
      withSessions(factory, async (world) => {
        const { client, server } = await world.session();
        world.server.connection.goaway();
        await client.draining;
        expect(world.client.connection.state).toBe("draining");
        expect(await rejection(world.open())).toMatchObject({ name: "ConnectionError" });
        const stream = await server.createUnidirectionalStream();
        await stream.writeAll("lives on");
        const incoming = given(await client.incomingUnidirectionalStreams.next());
        expect(text(await incoming.readAll())).toBe("lives on");
      }),
    );

    it(
      "by a GOAWAY that names a request ends it while it waits for its answer",
      withSessions(
        factory,
        async (world) => {
          const opening = rejection(world.open());
          const incoming = await requested.promise;
          world.server.quic.write(3, frame(FrameType.goaway, 0), false);
          expect(await opening).toMatchObject({ code: "ERR_WT_SESSION_REFUSED", errorCode: 0x10b });
          if (!incoming.signal.aborted) {
            await new Promise((resolve) => {
              incoming.signal.addEventListener("abort", resolve);
            });
          }
          expect(await rejection(incoming.accept())).toMatchObject({ code: "ERR_WT_SESSION_CANCELLED" });
        },
        {
          onSession: (request) => {
            requested.resolve(request);
          },
        },
      ),
    );
    const requested = new Deferred<IncomingSession>();

    it(
      "by a client's GOAWAY reaches the server's sessions",
      withSessions(factory, async (world) => {
        const { server } = await world.session();
        world.client.connection.goaway();
        await server.draining;
        expect(server.isReady).toBe(true);
      }),
    );
  });

  describe("close() of a connection", () => {
    for (const side of ["client", "server"] as const) {
      it(
        `ends every session with code and reason, then the connection (by the ${side})`,
        withSessions(factory, async (world) => {
          const first = await world.session();
          const second = await world.session();
          const other = side === "client" ? "server" : "client";
          const closed = await world[side].connection.close({ code: 8, reason: "that is all" });
          expect(closed).toMatchObject({ clean: true, by: "local" });
          for (const session of [first, second]) {
            expect(await session[side].closed).toMatchObject({ clean: true, code: 8, by: "local" });
            expect(await session[other].closed).toMatchObject({
              clean: true,
              code: 8,
              reason: "that is all",
              by: "peer",
            });
          }
          expect(await world[other].connection.closed).toMatchObject({ clean: true, by: "peer" });
          expect([world.client.connection.state, world.server.connection.state]).toEqual(["closed", "closed"]);
        }),
      );
    }

    it(
      "ends requests that wait for their answer",
      withSessions(
        factory,
        async (world) => {
          const opening = rejection(world.open());
          await world.client.connection.close({ abort: true });
          expect(await opening).toBeInstanceOf(Error);
        },
        { onSession: () => {} },
      ),
    );
  });
}
