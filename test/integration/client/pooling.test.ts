import { afterEach, describe, expect, it } from "vitest";

import { Deferred } from "../../../src/async/promises.ts";
import { connect } from "../../../src/client/index.ts";
import type { ClientOptions } from "../../../src/client/index.ts";
import type { ServerConfigOptions } from "../../../src/config/server-config.ts";
import { echoHandler } from "../../../src/server/index.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";
import { WebTransport } from "../../../src/w3c/index.ts";

import { certificate, echoed, LocalServer } from "../end-to-end/local-server.ts";

const pooling = { allowPooling: true, ca: certificate.cert, serverName: "localhost" };

/** W3C WebTransport, `allowPooling`, seen from a server over UDP. */
describe("sessions that allow pooling", () => {
  let server: LocalServer;
  const clients: WebTransportSession[] = [];

  afterEach(async () => {
    for (const session of clients.splice(0)) await session.close();
    await server.empty();
    await server.close();
  });

  async function start(config: ServerConfigOptions = {}): Promise<void> {
    server = await LocalServer.start((app) => {
      app.route("/echo", echoHandler);
    }, config);
  }

  async function open(options: ClientOptions = {}, path = "/echo"): Promise<WebTransportSession> {
    const session = await connect(server.url(path), { ...pooling, maxRetries: 0, ...options });
    clients.push(session);
    return session;
  }

  /** Connections that these sessions have among them. */
  function connectionsOf(sessions: readonly WebTransportSession[]): number {
    return new Set(sessions.map(({ connection }) => connection)).size;
  }

  it("share a connection, which is closed with the last of them", async () => {
    await start();
    const [first, second] = [await open(), await open()];
    expect(second.connection).toBe(first.connection);
    expect(await Promise.all([echoed(first, "one"), echoed(second, "two")])).toEqual(["one", "two"]);
    await first.close();
    expect(await echoed(second, "alone")).toBe("alone");
    const third = await open();
    expect(third.connection).toBe(first.connection);
    await second.close();
    await third.close();
    await first.connection.closed;
    const fourth = await open();
    expect(fourth.connection).not.toBe(first.connection);
    expect(server.stats.connectionsAccepted).toBe(2);
  });

  it("share it also when it is still being set up", async () => {
    await start();
    const sessions = await Promise.all(Array.from({ length: 10 }, () => open()));
    expect(connectionsOf(sessions)).toBe(1);
    expect(server.stats).toMatchObject({ connectionsAccepted: 1, sessions: 10 });
  });

  it.each<[what: string, config: ServerConfigOptions, sessions: number, connections: number]>([
    ["one on a connection", { maxSessionsPerConnection: 1 }, 4, 4],
    ["three on a connection", { maxSessionsPerConnection: 3 }, 7, 3],
    ["nothing about several (draft-02)", { drafts: ["draft-02"] }, 3, 3],
    ["one by its setting (draft-07)", { drafts: ["draft-07"] }, 3, 3],
    ["no flow control (draft-15)", { drafts: "P1b" }, 3, 3],
  ])("are as many on a connection as the server allows: %s", async (_what, config, count, connections) => {
    await start(config);
    const drafts = config.drafts === undefined ? {} : { drafts: config.drafts };
    const racing = await Promise.all(Array.from({ length: count }, () => open(drafts)));
    expect(connectionsOf(racing)).toBe(connections);
    expect(server.stats.connectionsAccepted).toBe(connections);
  });

  it("take another connection when the server refuses one more without having told a limit", async () => {
    await start({ drafts: ["draft-15"], maxSessionsPerConnection: 1 });
    const sessions = [await open(), await open()];
    expect(connectionsOf(sessions)).toBe(2);
  });

  it("share nothing with sessions that do not, that trust otherwise, or that have another host", async () => {
    await start();
    const others: ClientOptions[] = [
      {},
      { allowPooling: false },
      { ca: `${certificate.cert}\n` },
      { connectionIdleTimeout: 50_000 },
      { drafts: ["draft-13"] },
      { streamBufferSize: 4096 },
    ];
    const sessions = await Promise.all(others.map((options) => open(options)));
    expect(connectionsOf(sessions)).toBe(others.length);
    const byName = await connect(`https://localhost:${server.port}/echo`, {
      ...pooling,
      lookup: (_name, _question, answer) => {
        answer(null, "127.0.0.1");
      },
    });
    clients.push(byName);
    expect(connectionsOf([...sessions, byName])).toBe(others.length + 1);
  });

  it("use no connection that the server is about to close", async () => {
    await start();
    const first = await open();
    const draining = first.draining;
    server.app.server.connections[0]?.goaway();
    await draining;
    const second = await open();
    expect(second.connection).not.toBe(first.connection);
    expect(await echoed(first, "still here")).toBe("still here");
  });

  it("do not feel a neighbour's refusal, end or abort", async () => {
    await start();
    const first = await open();
    await expect(open({}, "/nowhere")).rejects.toMatchObject({ status: 404 });
    const abort = new AbortController();
    const aborted = open({ signal: abort.signal });
    abort.abort(new Error("enough"));
    await expect(aborted).rejects.toThrow("enough");
    const second = await open();
    await second.close({ abort: true });
    expect(await echoed(first, "undisturbed")).toBe("undisturbed");
    expect(server.stats.connectionsAccepted).toBe(1);
  });

  it("wait for no one who has asked first and goes", async () => {
    await start();
    const abort = new AbortController();
    const asked = new Deferred<() => void>();
    const openByName = (signal?: AbortSignal): Promise<WebTransportSession> =>
      connect(`https://localhost:${server.port}/echo`, {
        ...pooling,
        lookup: (_name, _question, answer) => {
          asked.resolve(() => {
            answer(null, "127.0.0.1", 4);
          });
        },
        ...(signal && { signal }),
      });
    const leaving = openByName(abort.signal);
    const answerLookup = await asked.promise;
    const staying = openByName();
    // It has joined the first one's connection by then.
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
    abort.abort(new Error("enough"));
    await expect(leaving).rejects.toThrow("enough");
    answerLookup();
    const session = await staying;
    clients.push(session);
    expect(await echoed(session, "here")).toBe("here");
    expect(server.stats.connectionsAccepted).toBe(1);
  });

  it("do not stand still because one of them is not read", async () => {
    const written = new Deferred<void>();
    server = await LocalServer.start((app) => {
      app.route("/echo", echoHandler);
      app.route("/flood", async (session) => {
        const block = new Uint8Array(1024 * 1024);
        const streams = await Promise.all(Array.from({ length: 8 }, () => session.createUnidirectionalStream()));
        for (const stream of streams) stream.write(block).catch(() => {});
        // All that the session may hold unread: the client has it, or it waits to be sent.
        await Promise.allSettled(streams.map((stream) => stream.write(block.subarray(0, 1), { signal: full.signal })));
        written.resolve();
        await session.closed;
      });
    });
    const full = new AbortController();
    const [unread, other] = [await open({}, "/flood"), await open()];
    expect(other.connection).toBe(unread.connection);
    while (other.connection.getStats().bytesReceived < 8 * 1024 * 1024) await new Promise(setImmediate);
    expect(await echoed(other, "flowing")).toBe("flowing");
    full.abort();
    await written.promise;
  });

  it("are no more than sixteen on a connection, whatever the server allows", async () => {
    await start({ maxSessionsPerConnection: 100 });
    const sessions = await Promise.all(Array.from({ length: 17 }, () => open()));
    expect(connectionsOf(sessions)).toBe(2);
  });

  it("that the server refuses alone leave no connection behind", async () => {
    await start();
    await expect(open({}, "/nowhere")).rejects.toMatchObject({ status: 404 });
    await server.empty();
  });

  it("do so by the W3C's class, too", async () => {
    await start();
    const [one, two] = [0, 1].map(() => new WebTransport(server.url("/echo"), pooling));
    await Promise.all([one?.ready, two?.ready]);
    expect(server.stats).toMatchObject({ connectionsAccepted: 1, sessions: 2 });
    one?.close();
    two?.close();
    await Promise.all([one?.closed, two?.closed]);
  });

  it("cannot trust a certificate by its hash", async () => {
    await start();
    const serverCertificateHashes = [certificate.certificateHash];
    await expect(connect(server.url("/echo"), { allowPooling: true, serverCertificateHashes })).rejects.toMatchObject({
      code: "ERR_WT_CONFIGURATION",
      configKey: "allowPooling",
    });
  });
});
