import { afterEach, describe, expect, it } from "vitest";

import type { Logger } from "../../../src/config/logger.ts";
import type { ServerApp } from "../../../src/server/app.ts";
import { WebTransportConnection } from "../../../src/transport/connection/connection.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";
import { LocalServer, turnsUntil } from "../end-to-end/local-server.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

describe("a session handler, over UDP", () => {
  let server: LocalServer;
  let lines: [message: string, fields: object][];

  afterEach(async () => {
    await server.empty();
    await server.close();
  });

  async function start(configure: (app: ServerApp) => void): Promise<void> {
    lines = [];
    const note: Logger["warn"] = (fields, message) => void lines.push([message, fields]);
    const logger: Logger = { debug: note, info: note, warn: note, error: note };
    server = await LocalServer.start(configure, { logger, logLevel: "error" });
  }

  it("that throws ends its session alone with code 1, without its text, and is logged", async () => {
    const error = new Error("password of the database");
    await start((app) => {
      app.route("/throws", () => Promise.reject(error));
      app.route("/throws-at-once", () => {
        throw error;
      });
    });
    for (const path of ["/throws", "/throws-at-once"]) {
      const session = await server.connect(path);
      expect(await session.closed).toEqual({ clean: true, by: "peer", code: 1, reason: "Internal server error" });
      await session.connection.close();
    }
    expect(lines).toEqual([
      ["a session handler failed", { error, path: "/throws" }],
      ["a session handler failed", { error, path: "/throws-at-once" }],
    ]);
  });

  it("that throws is told to onError instead of the log, and what onError throws goes nowhere", async () => {
    const told: unknown[] = [];
    await start((app) => {
      app.route("/", () => Promise.reject(new Error("on purpose")));
      app.onError((error, session) => {
        told.push([(error as Error).message, session?.path]);
        throw new Error("onError's own");
      });
    });
    const session = await server.connect("/");
    expect(await session.closed).toMatchObject({ code: 1 });
    expect(told).toEqual([["on purpose", "/"]]);
    expect(lines.map(([message]) => message)).toEqual(["the onError handler failed"]);
  });

  it("that never returns keeps its session until the client ends it, and nothing is left of it then", async () => {
    let signal: AbortSignal | undefined;
    await start((app) => {
      app.route("/", (session) => {
        signal = session.signal;
        return new Promise(() => {});
      });
    });
    const session = await server.connect("/");
    expect(server.stats.sessions).toBe(1);
    await session.close({ code: 3 });
    await turnsUntil(() => server.stats.sessions === 0);
    expect(signal?.aborted).toBe(true);
  });

  it("that never returns does not keep the app from closing", async () => {
    await start((app) => {
      app.route("/", () => new Promise(() => {}));
    });
    const session = await server.connect("/");
    await server.app.close({ timeout: 1, code: 7, reason: "shut down" });
    expect(await session.closed).toMatchObject({ clean: true, code: 7, reason: "shut down" });
  });

  it("that outlives its session may return or throw what it wants; its session's end is no failure of it", async () => {
    const ended: string[] = [];
    const told: unknown[] = [];
    await start((app) => {
      app.route("/returns", async (session) => {
        await session.closed;
        await new Promise((resolve) => setImmediate(resolve));
        ended.push("returns");
      });
      app.route("/reads", async (session) => {
        try {
          await session.datagrams.receive();
          await session.createUnidirectionalStream();
        } finally {
          ended.push("reads");
        }
      });
      app.route("/throws", async (session) => {
        await session.closed;
        ended.push("throws");
        throw new Error("too late");
      });
      app.onError((error) => told.push((error as Error).message));
    });
    for (const path of ["/returns", "/reads", "/throws"]) {
      const session = await server.connect(path);
      await session.close({ code: 4, reason: "client" });
      expect(await session.closed).toMatchObject({ clean: true, code: 4 });
    }
    await turnsUntil(() => ended.length === 3 && told.length > 0);
    expect(told).toEqual(["too late"]);
    expect(lines).toEqual([]);
  });

  it("that waits for its client when the server closes the session has not failed", async () => {
    let waits = false;
    await start((app) => {
      app.route("/", async (session) => {
        const stream = await session.createBidirectionalStream();
        const line = stream.readLine();
        waits = true;
        await line;
      });
    });
    const session = await server.connect("/");
    await turnsUntil(() => waits);
    await server.app.close({ timeout: 1, code: 7, reason: "shut down" });
    expect(await session.closed).toMatchObject({ clean: true, code: 7, reason: "shut down" });
    expect(lines).toEqual([]);
  });

  it("that returns before its streams have ended delivers what is finished, and resets the rest", async () => {
    await start((app) => {
      app.route("/", async (session) => {
        const finished = await session.createUnidirectionalStream();
        void finished.writeAll(new Uint8Array(300_000).fill(7));
        const open = await session.createUnidirectionalStream();
        void open.write("unfinished").catch(() => {});
        void session.datagrams.send("last words");
      });
    });
    const session = await server.connect("/");
    const datagram = session.datagrams.receive();
    const [finished, open] = await streamsOf(session, 2);
    const unfinished = open?.readAll().then(text, (error: unknown) => error);
    expect((await finished?.readAll())?.byteLength).toBe(300_000);
    expect(text((await datagram) ?? new Uint8Array())).toBe("last words");
    expect(await session.closed).toEqual({ clean: true, by: "peer", code: 0, reason: "" });
    expect(await unfinished).toMatchObject({ name: expect.stringMatching(/^(StreamError|SessionError)$/) as unknown });
  });

  it("that ends its session itself is not ended again", async () => {
    await start((app) => {
      app.route("/", async (session) => {
        await session.close({ code: 42, reason: "enough" });
      });
    });
    const session = await server.connect("/");
    expect(await session.closed).toMatchObject({ clean: true, code: 42, reason: "enough" });
  });

  it("ends with its own session, not with its connection's others", async () => {
    await start((app) => {
      app.route("/throws", () => Promise.reject(new Error("on purpose")));
      app.route("/lives", (session) => session.closed);
    });
    const session = await server.connect("/lives");
    const { connection } = session;
    if (!(connection instanceof WebTransportConnection)) throw new Error("The session has no connection of its own");
    const other = await connection.openSession({ url: server.url("/throws") });
    expect(await other.closed).toMatchObject({ code: 1 });
    expect(session.isClosed).toBe(false);
    await session.close();
  });
});

async function streamsOf(
  session: WebTransportSession,
  count: number,
): Promise<readonly { readAll(): Promise<Uint8Array> }[]> {
  const streams: { readAll(): Promise<Uint8Array> }[] = [];
  for await (const stream of session.incomingUnidirectionalStreams) {
    streams.push(stream);
    if (streams.length === count) break;
  }
  return streams;
}
