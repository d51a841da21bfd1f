import { afterEach, describe, expect, it } from "vitest";

import type { Logger } from "../../../src/config/logger.ts";
import type { ServerConfigOptions } from "../../../src/config/server-config.ts";
import { echoHandler } from "../../../src/server/handlers.ts";
import { WebTransportConnection } from "../../../src/transport/connection/connection.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";

import { connectRequest, control } from "../../unit/protocol/wire.ts";

import { echoed, LocalServer, turnsUntil } from "./local-server.ts";
import { RawClient } from "./raw-client.ts";

describe("a request that is refused before the application sees it", () => {
  let server: LocalServer | undefined;
  let lines: [message: string, fields: object][];

  afterEach(async () => {
    await server?.empty();
    await server?.close();
  });

  async function start(config: ServerConfigOptions): Promise<LocalServer> {
    lines = [];
    const note: Logger["warn"] = (fields, message) => void lines.push([message, fields]);
    const logger: Logger = { debug: note, info: note, warn: note, error: note };
    server = await LocalServer.start((app) => app.route("/echo", echoHandler), { logger, logLevel: "warn", ...config });
    return server;
  }

  /** A further session on the connection of another. */
  function openBeside(session: WebTransportSession, url: string): Promise<WebTransportSession> {
    const { connection } = session;
    if (!(connection instanceof WebTransportConnection)) throw new Error("The session has no connection of its own");
    return connection.openSession({ url });
  }

  it("gets 421 for an authority that is not served, with a line in the log", async () => {
    const local = await start({ authorities: ["localhost", "*.example"] });
    await expect(local.connect("/echo?room=1")).rejects.toMatchObject({
      name: "HttpError",
      status: 421,
      handshakeStage: "http",
      message: expect.stringMatching(
        /^Cannot connect to 127\.0\.0\.1:\d+: .*status 421\. It does not serve this name$/,
      ) as unknown,
    });
    expect(lines).toEqual([
      [
        `421: 127.0.0.1:${local.port} is not in authorities`,
        {
          status: 421,
          kind: "authority",
          path: "/echo",
          remote: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as unknown,
        },
      ],
    ]);
    expect(local.stats).toMatchObject({ sessionsRequested: 1, sessionsAccepted: 0, sessionsRefused: 1 });
    expect(local.stats.refusals).toMatchObject({ authority: 1, max_sessions: 0 });
  });

  it("gets 431 for more headers than the server reads, with a line in the log that names no path", async () => {
    const local = await start({});
    const headers = Array.from({ length: 300 }, (_, index) => [`x-${index}`, "y"] as const);
    await expect(local.connect("/echo", { headers })).rejects.toMatchObject({ status: 431 });
    expect(lines).toMatchObject([
      ["431: its headers are larger, or more, than this server takes", { status: 431, kind: "headers", path: "" }],
    ]);
    expect(local.stats).toMatchObject({ sessionsRequested: 1, sessionsAccepted: 0, sessionsRefused: 1 });
    expect(local.stats.refusals).toMatchObject({ headers: 1 });
  });

  it("leaves the connection's other sessions alone", async () => {
    const local = await start({ authorities: ["127.0.0.1", "*.example:4433"] });
    const session = await local.connect("/echo");
    await expect(openBeside(session, `https://other.test:${local.port}/echo`)).rejects.toMatchObject({ status: 421 });
    await expect(openBeside(session, "https://a.example/echo")).rejects.toMatchObject({ status: 421 });
    const second = await openBeside(session, "https://A.example:4433/echo");
    expect(await Promise.all([echoed(session, "first"), echoed(second, "second")])).toEqual(["first", "second"]);
    await second.close();
    await session.close();
    expect(lines).toHaveLength(2);
  });

  it("gets 429 for one session too many on its connection, with a line in the log", async () => {
    const local = await start({ maxSessionsPerConnection: 1 });
    const session = await local.connect("/echo");
    await expect(openBeside(session, local.url("/echo"))).rejects.toMatchObject({ status: 429 });
    expect(lines).toMatchObject([["429: maxSessionsPerConnection (1) is reached", { status: 429, path: "/echo" }]]);
    expect(await echoed(session, "goes on")).toBe("goes on");
    await session.close();
  });

  it("is refused all the same when the logger throws, and the connection lives on", async () => {
    const failing = (): void => {
      throw new Error("a logger's own failure");
    };
    const logger: Logger = { debug: failing, info: failing, warn: failing, error: failing };
    const local = await start({ authorities: ["127.0.0.1"], logger });
    const session = await local.connect("/echo");
    await expect(openBeside(session, "https://other.example/echo")).rejects.toMatchObject({ status: 421 });
    expect(await echoed(session, "goes on")).toBe("goes on");
    await session.close();
  });

  it("gets 400 for more than one origin, with a line in the log", async () => {
    const local = await start({});
    const client = await RawClient.connect(local.port);
    client.send("unidirectional", control());
    client.send("bidirectional", connectRequest({}, ["origin", "https://example.org"]));
    await turnsUntil(() => lines.length > 0);
    expect(lines).toMatchObject([["400: it has 2 origins", { status: 400, path: "/wt" }]]);
    await client.close();
  });

  it("gets 400 for an authority that no URL can have, with a line in the log", async () => {
    const local = await start({});
    const client = await RawClient.connect(local.port);
    client.send("unidirectional", control());
    client.send("bidirectional", connectRequest({ ":authority": "[::no]" }));
    await turnsUntil(() => lines.length > 0);
    expect(lines).toMatchObject([['400: "[::no]/wt" is no URL', { status: 400, path: "/wt" }]]);
    await client.close();
  });
});
