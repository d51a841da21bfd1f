import { describe, expect, it } from "vitest";

import { controlStreamPreamble } from "../../../../src/protocol/options.ts";
import { connectionSettings } from "../../../../src/transport/connection/settings.ts";
import type { ConnectionSettingsInit } from "../../../../src/transport/connection/settings.ts";
import type { WebTransportSession } from "../../../../src/transport/session/session.ts";
import { BufferBudget } from "../../../../src/transport/streams/buffer-budget.ts";
import type { EngineFactory } from "../../engine/under-test.ts";
import type { SessionWorld, WorldOptions } from "../session-world.ts";
import { given, withSessions } from "../with-sessions.ts";

const KiB = 1024;
/** What a stream that nobody reads holds: the credit that is delivered is a part of it, being too little for MAX_STREAM_DATA. */
const window = 256 * KiB;
const credit = 2 * KiB;
/** Of a session: 16 full streams. */
const sessionBuffer = 4 * 1024 * KiB;
const firstWindow = 2 * 1024 * KiB;
const maxSessions = 4;
/** What windows leave unused: the bytes that say whose a stream is, and credit too little to be announced. */
const slack = 64 * KiB;

const live: ConnectionSettingsInit = {
  streamBufferSize: credit,
  maxStreamBufferSize: window,
  maxSessionBufferSize: sessionBuffer,
  receiveWindow: firstWindow,
  maxSessions,
};

function options(more: ConnectionSettingsInit = {}): WorldOptions {
  const server = { ...live, ...more };
  const preamble = [controlStreamPreamble(connectionSettings(server).core)];
  return {
    server,
    serverTransport: { initialCredit: credit, streamReceiveWindow: window, receiveWindow: firstWindow, preamble },
  };
}

interface Ends {
  readonly client: WebTransportSession;
  readonly server: WebTransportSession;
}

/** Resolves when `condition` holds, which no event tells. */
async function until(world: SessionWorld, condition: () => boolean): Promise<void> {
  for (let round = 0; !condition(); round += 1) {
    if (round === 50_000) throw new Error(`It has not come to pass: ${unreadText(world)}`);
    await world.under.elapse(1);
    await new Promise(setImmediate);
  }
}

function unreadText({ server: { connection, quic } }: SessionWorld): string {
  const sessions = connection.sessions.map((session) => unreadOf(session));
  return `the engine holds ${quic.unreadBytes()} bytes, the sessions ${sessions.join(", ")}; ${connection.diagnoseIssues().join("; ")}`;
}

/** Opens as many streams and fills the windows of each: nobody reads them. */
async function fill({ client }: Ends, streams: number): Promise<void> {
  for (let index = 0; index < streams; index += 1) {
    const stream = await client.createUnidirectionalStream();
    stream.writeAll(new Uint8Array(window)).catch(() => {});
  }
}

/** Takes as many streams: reads a part of each and stops it. */
async function takeAll({ server }: Ends, streams: number): Promise<void> {
  let taken = 0;
  for await (const stream of server.incomingUnidirectionalStreams) {
    await stream.readExactly(2 * credit);
    stream.stop();
    taken += 1;
    if (taken === streams) break;
  }
}

function unreadOf(session: Pick<WebTransportSession, "debugState">): number {
  const { streams } = session.debugState() as { readonly streams: readonly { readonly bytesUnread: number }[] };
  return streams.reduce((sum, { bytesUnread }) => sum + bytesUnread, 0);
}

/** Sends more than what the windows have left on one stream, which is read and sent back. */
async function echo(world: SessionWorld, { client, server }: Ends): Promise<void> {
  const stream = await client.createBidirectionalStream();
  const sent = world.bytes(1024 * KiB);
  const writing = stream.writeAll(sent);
  const incoming = given(await server.incomingBidirectionalStreams.next());
  const answering = (async () => {
    for await (const chunk of incoming) await incoming.write(chunk);
    incoming.finish();
  })();
  expect((await stream.readAll()).byteLength).toBe(sent.byteLength);
  await Promise.all([writing, answering]);
}

export function unreadCases(factory: EngineFactory): void {
  describe("streams that nobody reads", () => {
    it(
      "leave the connection's other sessions what they need when their own is full",
      withSessions(
        factory,
        async (world) => {
          const [full, other] = [await world.session(), await world.session()];
          await fill(full, 20);
          await until(world, () => unreadOf(full.server) >= sessionBuffer - slack);
          await echo(world, other);
          expect(other.server.diagnoseIssues()).toEqual([]);
          expect(unreadOf(full.server)).toBeLessThanOrEqual(sessionBuffer);
        },
        options(),
      ),
    );

    it(
      "leave the session's other streams what they need, up to the number that its buffer covers",
      withSessions(
        factory,
        async (world) => {
          const ends = await world.session();
          const streams = 14;
          await fill(ends, streams);
          await until(world, () => unreadOf(ends.server) >= streams * window - slack);
          await echo(world, ends);
        },
        options(),
      ),
    );

    it(
      "are named by diagnoseIssues() when they fill their session, and are gone from it when they are taken",
      withSessions(
        factory,
        async (world) => {
          const ends = await world.session();
          await fill(ends, 20);
          await until(world, () => unreadOf(ends.server) >= sessionBuffer - slack);
          expect(ends.server.diagnoseIssues()).toEqual([
            expect.stringMatching(
              /^Session \S+ holds (3\.9|4\.0) MiB of 4\.0 MiB unread \(maxSessionBufferSize\), so its streams wait: stream \d+ holds 256\.0 KiB, .*, \d+ others hold 2\.\d MiB$/,
            ),
          ]);
          await takeAll(ends, 20);
          expect(ends.server.diagnoseIssues()).toEqual([]);
        },
        options(),
      ),
    );

    it(
      "of a peer without session flow control stop the others no sooner than the connection's limit, which is told then",
      withSessions(
        factory,
        async (world) => {
          const [full, other] = [await world.session(), await world.session()];
          await fill(full, 40);
          await until(world, () => unreadOf(full.server) >= 40 * window - slack);
          expect(unreadOf(full.server)).toBeGreaterThan(2 * sessionBuffer);
          await echo(world, other);
          expect(other.server.diagnoseIssues()).toEqual([]);
          await fill(full, 40);
          const most = maxSessions * sessionBuffer;
          await until(world, () => world.server.quic.unreadBytes() >= most - slack);
          expect(world.server.quic.unreadBytes()).toBeLessThanOrEqual(most);
          const issues = world.server.connection.diagnoseIssues();
          expect(issues).toEqual([
            expect.stringMatching(
              /^Connection \S+ holds (15\.9|16\.0) MiB of 16\.0 MiB unread \(maxSessionBufferSize for each of 4 sessions\), so all of its streams wait: session \S+ holds 16\.\d MiB/,
            ),
          ]);
          expect(other.server.diagnoseIssues()).toEqual(issues);
        },
        options({ drafts: "P1" }),
      ),
    );

    const total = new BufferBudget(4 * 1024 * KiB);

    it(
      "get no more than half of the process's budget beyond the first window, and give it back",
      withSessions(
        factory,
        async (world) => {
          const full = await world.session();
          await fill(full, 40);
          const most = firstWindow + total.limit / 2;
          await until(world, () => world.server.quic.unreadBytes() >= most - slack);
          expect(world.server.quic.unreadBytes()).toBeLessThanOrEqual(most);
          expect(world.server.connection.diagnoseIssues()).toEqual([
            expect.stringMatching(
              /^Connection \S+ holds (3\.9|4\.0) MiB of 4\.0 MiB unread \(maxTotalBufferSize, 4\.0 MiB, allows no more: .*: session \S+ holds/,
            ),
          ]);
          expect(unreadOf(full.server)).toBeLessThanOrEqual(firstWindow + total.limit);
          await takeAll(full, 40);
          expect(world.server.connection.diagnoseIssues()).toEqual([]);
          await world.client.connection.close({ abort: true });
          await world.server.connection.closed;
          expect([total.used, total.reserved]).toEqual([0, 0]);
        },
        options({ drafts: "P1", totalBudget: total }),
      ),
    );
  });
}
