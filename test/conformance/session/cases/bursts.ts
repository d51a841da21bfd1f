import { describe, expect, it } from "vitest";

import type { QuicConnection } from "../../../../src/engine/engine.ts";
import type { IncomingSession } from "../../../../src/transport/session/request.ts";
import type { WebTransportSession } from "../../../../src/transport/session/session.ts";
import { bidiStream, connectRequest, uniStream } from "../../../unit/protocol/wire.ts";
import type { EngineFactory } from "../../engine/under-test.ts";
import type { SessionWorld } from "../session-world.ts";
import { given, text, withSessions } from "../with-sessions.ts";

/** Of each direction: together more than wait for a session that nobody has asked for. */
const count = 30;
const names = (letter: string): string[] => Array.from({ length: count }, (_, index) => `${letter}${index}`);

/** A handler that opens its streams as soon as it has the session. */
function openAtOnce(session: WebTransportSession<object, unknown>): void {
  for (const name of names("u")) void session.createUnidirectionalStream().then((stream) => stream.writeAll(name));
  for (const name of names("b")) void session.createBidirectionalStream().then((stream) => stream.writeAll(name));
}

/** What a session's peer has written on {@link count} streams of each direction. */
async function texts(session: WebTransportSession<object, unknown>): Promise<(string | null | undefined)[]> {
  const read: Promise<Uint8Array>[] = [];
  for (let index = 0; index < count; index += 1) {
    read.push(given(await session.incomingUnidirectionalStreams.next()).readAll());
    read.push(given(await session.incomingBidirectionalStreams.next()).readAll());
  }
  return (await Promise.all(read)).map(text).sort();
}
const all = [...names("u"), ...names("b")].sort();

/** {@link count} streams of each direction of session 0, as no well-behaved client sends them before the answer. */
function sendStreams(quic: QuicConnection): void {
  for (const name of names("u")) {
    quic.write(given(quic.open("unidirectional")), uniStream(0, Buffer.from(name)), true);
  }
  for (const name of names("b")) {
    quic.write(given(quic.open("bidirectional")), bidiStream(0, Buffer.from(name)), true);
  }
}

/** A session request on stream 0 that the client's own objects know nothing of, as this or as other clients send it. */
const connect = connectRequest({ ":authority": "localhost", origin: undefined });

/** `keepsOrder`: what is sent first arrives first, and what is sent at once arrives at once. */
export function burstCases(factory: EngineFactory, keepsOrder: boolean, keepsDatagrams: boolean): void {
  describe("streams that the server's handler opens at once", () => {
    it(
      "arrive all, although they come together with the answer",
      withSessions(
        factory,
        async (world) => {
          expect(await texts(await world.open())).toEqual(all);
        },
        { onSession: async (request) => openAtOnce(await request.accept()) },
      ),
    );
  });

  if (!keepsOrder) return;

  describe("what comes in one flight with the session's request", () => {
    const inWorld = (run: (world: SessionWorld, request: Promise<IncomingSession>) => Promise<void>) => {
      let requested: (request: IncomingSession) => void = () => {};
      return async (): Promise<void> => {
        const request = new Promise<IncomingSession>((resolve) => {
          requested = resolve;
        });
        await withSessions(factory, (world) => run(world, request), {
          onSession: async (incoming) => {
            if (incoming.path === "/wt") requested(incoming);
            else await incoming.accept();
          },
        })();
      };
    };

    it(
      "are streams behind it, which wait for its answer",
      inWorld(async ({ client }, request) => {
        client.quic.write(given(client.quic.open("bidirectional")), connect, false);
        sendStreams(client.quic);
        expect(await texts(await (await request).accept())).toEqual(all);
      }),
    );

    it(
      "are streams before it",
      inWorld(async ({ client }, request) => {
        const connectStream = given(client.quic.open("bidirectional"));
        sendStreams(client.quic);
        client.quic.write(connectStream, connect, false);
        expect(await texts(await (await request).accept())).toEqual(all);
      }),
    );

    it(
      "are streams that come while the handler makes up its mind",
      inWorld(async (world, request) => {
        const { quic } = world.client;
        quic.write(given(quic.open("bidirectional")), connect, false);
        const incoming = await request;
        sendStreams(quic);
        // A later session of the connection: all that was sent before it has arrived.
        await world.open();
        expect(await texts(await incoming.accept())).toEqual(all);
      }),
    );

    if (!keepsDatagrams) return;

    it(
      "are datagrams before it",
      inWorld(async ({ client }, request) => {
        const connectStream = given(client.quic.open("bidirectional"));
        const sent = Array.from({ length: 60 }, (_, index) => `d${index}`);
        for (const name of sent) client.quic.sendDatagram(Uint8Array.of(0), Buffer.from(name));
        client.quic.write(connectStream, connect, false);
        const { datagrams } = await (await request).accept();
        const received: (string | null | undefined)[] = [];
        while (received.length < sent.length) received.push(text(await datagrams.receive()));
        expect(received).toEqual(sent);
      }),
    );

    it(
      "are as many datagrams behind it as a session queues",
      inWorld(async (world, request) => {
        const { quic } = world.client;
        quic.write(given(quic.open("bidirectional")), connect, false);
        const incoming = await request;
        const sent = Array.from({ length: 256 }, (_, index) => `d${index}`);
        for (const name of sent) expect(quic.sendDatagram(Uint8Array.of(0), Buffer.from(name))).toBe("queued");
        await world.open();
        const { datagrams } = await incoming.accept();
        expect(datagrams.stats).toMatchObject({ received: 256, queuedIncoming: 256, droppedIncoming: 0 });
      }),
    );
  });
}
