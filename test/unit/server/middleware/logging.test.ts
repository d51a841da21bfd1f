import pino from "pino";
import { afterEach, describe, expect, it, vi } from "vitest";

import { consoleLogger } from "../../../../src/config/logger.ts";
import type { Logger, LogLevel } from "../../../../src/config/logger.ts";
import { ConfigurationError, ConnectionError } from "../../../../src/errors/errors.ts";
import { createLoggingMiddleware } from "../../../../src/server/middleware/logging.ts";
import type { LoggingOptions } from "../../../../src/server/middleware/logging.ts";
import type { CloseInfo, Session, SessionStats } from "../../../../src/transport/types.ts";

import { ChainWorld } from "./chain-world.ts";
import { fakeRequest } from "./fake-request.ts";

/** Collects lines, and waits for as many as are wanted. */
class Lines {
  readonly all: string[] = [];
  #wake: () => void = () => {};

  readonly write = (line: string): void => {
    this.all.push(line);
    this.#wake();
  };

  async wait(count: number): Promise<readonly string[]> {
    while (this.all.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.all;
  }
}

describe("createLoggingMiddleware()", () => {
  let world: ChainWorld | undefined;

  afterEach(async () => {
    vi.restoreAllMocks();
    await world?.close();
    world = undefined;
  });

  /** One session that is used and closed, one request that is refused; what was logged of them. */
  async function traffic(options: LoggingOptions, lines: Lines): Promise<readonly string[]> {
    world = await ChainWorld.start(createLoggingMiddleware({ now: () => 0, ...options }), ({ path }) => path !== "/no");
    const client = await world.connect("/chat?room=1&token=secret", { headers: { origin: "https://example.com" } });
    const [server] = world.accepted;
    const stream = await client.createBidirectionalStream();
    await stream.writeAll("hello");
    for await (const incoming of server!.incomingBidirectionalStreams) {
      expect(await incoming.readAll()).toHaveLength(5);
      await incoming.writeAll("hello, you");
      break;
    }
    expect(await stream.readAll()).toHaveLength(10);
    await client.datagrams.send("datagram");
    await server?.datagrams.receive();
    await client.close({ code: 7, reason: "done" });
    await lines.wait(2);
    expect(await world.refusal("/no?token=secret")).toMatchObject({ status: 403 });
    return lines.wait(3);
  }

  it("writes one line of pino's for a request, a session's end and a refusal", async () => {
    const lines = new Lines();
    const logger = pino({ base: null, timestamp: false }, { write: lines.write });
    const written = (await traffic({ logger }, lines)).map((line): unknown => JSON.parse(line));
    const remote: unknown = expect.stringMatching(/^127\.0\.0\.1:\d+$/);
    const session = world?.accepted[0]?.id;
    expect(written).toEqual([
      {
        level: 30,
        path: "/chat?room=[redacted]&token=[redacted]",
        remote,
        origin: "https://example.com",
        status: 200,
        session,
        duration: 0,
        msg: "session accepted",
      },
      {
        level: 30,
        path: "/chat?room=[redacted]&token=[redacted]",
        remote,
        status: 200,
        session,
        bytesSent: 10,
        bytesReceived: 5,
        streamsOpened: 0,
        streamsAccepted: 1,
        datagramsSent: 0,
        datagramsReceived: 1,
        by: "peer",
        code: 7,
        reason: "done",
        duration: 0,
        msg: "session ended",
      },
      {
        level: 30,
        path: "/no?token=[redacted]",
        remote,
        status: 403,
        kind: "middleware",
        duration: 0,
        msg: "session refused",
      },
    ]);
  });

  it("writes the same to the console, each on one line", async () => {
    for (const options of [{}, { logger: console as Logger }]) {
      const lines = new Lines();
      vi.spyOn(console, "error").mockImplementation((line: string) => lines.write(line));
      vi.spyOn(console, "info").mockImplementation(() => expect.unreachable());
      const written = await traffic(options, lines);
      expect(written).toEqual([
        expect.stringMatching(
          /^\S+ INFO session accepted path="\/chat\?room=\[redacted\]&token=\[redacted\]" remote=127\.0\.0\.1:\d+ origin=https:\/\/example\.com status=200 session=\S+ duration=0$/,
        ),
        expect.stringMatching(/^\S+ INFO session ended path=.* by=peer code=7 reason=done duration=0$/),
        expect.stringMatching(/^\S+ INFO session refused path=.* status=403 kind=middleware duration=0$/),
      ]);
      expect(written.join("")).not.toContain("secret");
      await world?.close();
      vi.restoreAllMocks();
    }
  });

  it("shows the query when that is asked for", async () => {
    const lines = new Lines();
    const logger = { ...consoleLogger, info: (fields: object) => lines.write((fields as { path: string }).path) };
    expect(await traffic({ logger, redactQuery: false }, lines)).toEqual([
      "/chat?room=1&token=secret",
      "/chat?room=1&token=secret",
      "/no?token=secret",
    ]);
  });

  it.each(["debug", "info", "warn", "error"] as const)("writes at level %s", async (level) => {
    const lines = new Lines();
    const note = (name: LogLevel) => () => lines.write(name);
    const logger = { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };
    expect(await traffic({ logger, level }, lines)).toEqual([level, level, level]);
  });

  it("writes nothing at level silent, and does not even wait for the outcome", () => {
    const request = fakeRequest<unknown>();
    const outcome = vi.spyOn(request, "outcome", "get");
    expect(createLoggingMiddleware({ level: "silent" })(request)).toBe(true);
    expect(outcome).not.toHaveBeenCalled();
  });

  it("tells of a session that ends without a goodbye by its error", async () => {
    const lines = new Lines();
    const logger = { ...consoleLogger, info: (fields: object) => lines.write(JSON.stringify(fields)) };
    const error = new ConnectionError("the connection was silent for 60000 ms");
    const closed: Promise<CloseInfo> = Promise.resolve({ clean: false, by: "transport", error });
    const session: Pick<Session, "id" | "protocol" | "closed" | "getStats"> = {
      id: "server-1/0",
      protocol: "chat.v1",
      closed,
      getStats: () => ({ bytesSent: 3 }) as SessionStats,
    };
    const request = fakeRequest<unknown>();
    const outcome = { type: "accepted", status: 200, session: session as Session } as const;
    vi.spyOn(request, "outcome", "get").mockReturnValue(Promise.resolve(outcome));
    await createLoggingMiddleware({ logger })(request);
    const [start, end] = await lines.wait(2);
    expect(JSON.parse(start ?? "")).toMatchObject({ status: 200, protocol: "chat.v1" });
    const ended = JSON.parse(end ?? "") as object;
    expect(ended).toMatchObject({ bytesSent: 3, by: "transport", error: error.message });
    expect(ended).not.toHaveProperty("code");
  });

  it("tells of a client that has gone before its answer", async () => {
    const lines = new Lines();
    const logger = {
      ...consoleLogger,
      info: (fields: object, text: string) => lines.write(JSON.stringify({ text, ...fields })),
    };
    const abort = new AbortController();
    world = await ChainWorld.start(createLoggingMiddleware({ logger, now: () => 0 }), () => {
      abort.abort(new Error("enough"));
      return new Promise<never>(() => {});
    });
    await expect(world.connect("/slow", { signal: abort.signal })).rejects.toThrow("enough");
    const [line] = await lines.wait(1);
    expect(JSON.parse(line ?? "")).toEqual({
      text: "session request abandoned by the client",
      path: "/slow",
      remote: expect.stringMatching(/^127\.0\.0\.1:/) as unknown,
      duration: 0,
    });
  });

  it("survives a logger that throws", async () => {
    const logger = {
      ...consoleLogger,
      info: () => {
        throw new Error("disk full");
      },
    };
    world = await ChainWorld.start(createLoggingMiddleware({ logger }));
    const client = await world.connect("/");
    await client.close();
  });

  it("writes an IPv6 address in brackets", async () => {
    const lines = new Lines();
    const logger = { ...consoleLogger, info: (fields: object) => lines.write((fields as { remote: string }).remote) };
    const request = fakeRequest<unknown>({ host: "2001:db8::1" });
    await createLoggingMiddleware({ logger })(request);
    await request.reject(404);
    expect(await lines.wait(1)).toEqual(["[2001:db8::1]:50000"]);
  });

  it("refuses at the call a level that does not exist", () => {
    expect(() => createLoggingMiddleware({ level: "trace" as LogLevel })).toThrow(ConfigurationError);
  });
});
