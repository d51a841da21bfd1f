import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { WireCodes } from "../../../src/constants/wire-codes.ts";
import type { ServerApp } from "../../../src/server/app.ts";
import type { SessionHandler } from "../../../src/server/routing/route.ts";
import { echoHandler } from "../../../src/server/handlers.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";
import type { CloseInfo } from "../../../src/transport/types.ts";

import type { ClientConnection } from "./client-endpoint.ts";
import { ClientEndpoint } from "./client-endpoint.ts";
import { echoed, LocalServer, turnsUntil } from "./local-server.ts";
import { memoryInUse } from "./memory.ts";

const mebibyte = 1024 * 1024;
const connectionsAtOnce = 8;
/** Beside them, each connection has a session that is refused, one that is taken back, and one that it ends with. */
const endingsPerConnection = 10;

/** One way for a session to end: what the client does, and what it is told. */
interface Ending {
  readonly path: string;
  readonly act?: (session: WebTransportSession, client: ClientConnection) => Promise<unknown>;
  readonly told: CloseInfo | "unclean";
}

const byClient = (code: number, reason = ""): CloseInfo => ({ clean: true, code, reason, by: "local" });
const byServer = (code: number, reason = ""): CloseInfo => ({ clean: true, code, reason, by: "peer" });

const endings: readonly Ending[] = [
  {
    path: "/echo",
    act: async (session) => {
      assert.equal(await echoed(session, "soak"), "soak");
      await session.close({ code: 4, reason: "the client has done its work" });
    },
    told: byClient(4, "the client has done its work"),
  },
  { path: "/echo", act: (session) => session.close({ code: 0xffff_ffff, abort: true }), told: byClient(0xffff_ffff) },
  { path: "/returns", told: byServer(0) },
  { path: "/throws", told: byServer(1, "Internal server error") },
  { path: "/closes", told: byServer(42, "the server says goodbye") },
  { path: "/delivers", act: readDelivery, told: byServer(0) },
  { path: "/leaves-unfinished", act: readWhatComes, told: byServer(0) },
  { path: "/ignores", act: leaveUnread, told: byClient(0) },
  { path: "/pushes", act: (session) => session.close({ code: 9 }), told: byClient(9) },
  {
    path: "/echo",
    act: async (session) => {
      await Promise.all([session.createBidirectionalStream(), session.createUnidirectionalStream()]);
      session.datagrams.trySend("on its way");
      await session.close();
    },
    told: byClient(0),
  },
  {
    path: "/echo",
    act: async (session) => {
      const stream = await session.createBidirectionalStream();
      await stream.write("half a message");
      stream.reset(7);
      stream.stop(8);
      await session.close();
    },
    told: byClient(0),
  },
  {
    path: "/echo",
    act: async (session, client) => {
      client.resetRequest(session, WireCodes.H3_REQUEST_CANCELLED);
      await session.closed;
    },
    told: "unclean",
  },
];

/** How a connection goes, with a session that is still open. */
const goings: readonly ((client: ClientConnection, session: WebTransportSession) => Promise<unknown>)[] = [
  (client) => client.connection.close({ code: 3, reason: "the whole connection" }),
  (client) => client.connection.close({ abort: true }),
  (client) => {
    client.quic.close(WireCodes.H3_INTERNAL_ERROR, "the client has crashed");
    return client.connection.closed;
  },
  (client) => client.open("/closes-connection").then(() => client.connection.closed),
];

describe("10,000 sessions that end in every way", () => {
  let server: LocalServer;
  let endpoint: ClientEndpoint;
  let handlers = 0;

  beforeAll(async () => {
    server = await LocalServer.start((app) => addRoutes(app, (change) => (handlers += change)));
    endpoint = await ClientEndpoint.bind(server.port);
  });
  afterAll(async () => {
    await endpoint.close();
    await server.close();
  });

  async function connections(count: number): Promise<void> {
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < count) await oneConnection(endpoint.connect(), next++);
    };
    await Promise.all(Array.from({ length: connectionsAtOnce }, lane));
    await server.empty();
    await turnsUntil(() => handlers === 0 && endpoint.connectionCount === 0);
  }

  it("leave nothing behind, and memory flat", async () => {
    await connections(200);
    const before = await memoryInUse();
    await connections(800);
    const after = await memoryInUse();
    expect(server.stats.sessionsAccepted).toBeGreaterThan(10_000);
    expect(after.javaScript - before.javaScript).toBeLessThan(4 * mebibyte);
    expect(after.resident - before.resident).toBeLessThan(32 * mebibyte);
  }, 240_000);
});

// What happens thousands of times asserts with Node's own assertions: Vitest keeps something of each of its own.

async function oneConnection(client: ClientConnection, number: number): Promise<void> {
  if (number % 3 === 0) sendEarlyStream(client);
  const ended = Array.from({ length: endingsPerConnection }, (_, index) =>
    oneSession(client, endings[(number + index) % endings.length]!),
  );
  await assert.rejects(client.open("/nowhere"), { name: "HttpError", status: 404 });
  await takeBack(client);
  await Promise.all(ended);
  const open = await client.open("/echo");
  await goings[number % goings.length]!(client, open);
  await Promise.all([open.closed, client.connection.closed]);
  assert.deepEqual(client.connection.counts, { sessions: 0, streams: 0, waiters: 0, requests: 0, deadlines: 0 });
}

async function oneSession(client: ClientConnection, { path, act, told }: Ending): Promise<void> {
  const session = await client.open(path);
  await act?.(session, client);
  const info = await session.closed;
  if (told === "unclean") assert.ok(!info.clean, path);
  else assert.deepEqual(info, told, path);
}

/** A stream of the first session, before that one has been asked for (draft-ietf-webtrans-http3 §4.6). */
function sendEarlyStream({ quic }: ClientConnection): void {
  const stream = quic.open("unidirectional");
  if (stream !== undefined) quic.write(stream, Uint8Array.of(0x40, 0x54, 0x00, 1, 2, 3), true);
}

async function takeBack(client: ClientConnection): Promise<void> {
  const abort = new AbortController();
  const opening = client.open("/echo", abort.signal);
  abort.abort(new Error("not wanted any more"));
  await assert.rejects(opening, /not wanted any more/);
}

async function readDelivery(session: WebTransportSession): Promise<void> {
  for await (const stream of session.incomingUnidirectionalStreams) {
    assert.equal((await stream.readAll()).byteLength, 100_000);
  }
}

async function readWhatComes(session: WebTransportSession): Promise<void> {
  for await (const stream of session.incomingUnidirectionalStreams) await stream.readAll().catch(() => {});
}

async function leaveUnread(session: WebTransportSession): Promise<void> {
  const stream = await session.createUnidirectionalStream();
  await stream.write(new Uint8Array(50_000));
  await session.close({ abort: true });
}

function addRoutes(app: ServerApp, count: (change: 1 | -1) => void): void {
  const handlers: Readonly<Record<string, SessionHandler>> = {
    "/echo": echoHandler,
    "/returns": () => Promise.resolve(),
    "/throws": () => Promise.reject(new Error("the handler of the soak")),
    "/closes": (session) => session.close({ code: 42, reason: "the server says goodbye" }),
    "/closes-connection": (session) => session.connection.close(),
    "/delivers": async (session) => {
      const stream = await session.createUnidirectionalStream();
      void stream.writeAll(new Uint8Array(100_000));
      session.datagrams.trySend("delivered, perhaps");
    },
    "/leaves-unfinished": async (session) => {
      const stream = await session.createUnidirectionalStream();
      await stream.write("never finished");
    },
    "/ignores": (session) => session.closed,
    "/pushes": async (session) => {
      const stream = await session.createBidirectionalStream();
      // Waits for a reader who never comes, until the session's end frees it.
      await stream.writeAll(new Uint8Array(300_000)).catch(() => {});
    },
  };
  for (const [path, handler] of Object.entries(handlers)) {
    app.route(path, async (session) => {
      count(1);
      try {
        await handler(session);
      } finally {
        count(-1);
      }
    });
  }
}
