import { rm } from "node:fs/promises";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { connect } from "../../src/client/connect.ts";
import { HttpError } from "../../src/errors/errors.ts";
import type { WebTransportSession } from "../../src/transport/session/session.ts";

import { makeIdentity, Program, type Identity } from "./interop-process.ts";

const text = (bytes: Uint8Array | null): string => new TextDecoder().decode(bytes ?? new Uint8Array(0));

let identity: Identity;
let program: Program;
let origin: string;
const open = (path: string, options = {}): Promise<WebTransportSession> =>
  connect(origin + path, { serverCertificateHashes: identity.serverCertificateHashes, ...options });

beforeAll(async () => {
  identity = await makeIdentity();
  program = new Program("peer-app", ["--port", "0", "--host", "127.0.0.1", ...certificate(identity)]);
  origin = `https://${await program.address()}`;
});
afterAll(async () => {
  expect(await program.stop()).toBe(0);
  expect(program.lines).toHaveLength(1);
  await rm(identity.folder, { recursive: true, force: true });
});

function certificate({ cert, key }: Identity): string[] {
  return ["--cert", cert, "--key", key];
}

async function exchange(session: WebTransportSession, data: string): Promise<string> {
  const stream = await session.createBidirectionalStream();
  await stream.writeAll(data);
  return text(await stream.readAll());
}

async function report(): Promise<Record<string, unknown>[]> {
  await using session = await open("/report");
  return JSON.parse(await exchange(session, "?")) as Record<string, unknown>[];
}

describe("the peer application", () => {
  it("counts what it swallows, on both kinds of streams", async () => {
    await using session = await open("/sink");
    expect(await exchange(session, "12345")).toBe("5");
    await (await session.createUnidirectionalStream()).writeAll("123");
    expect(text((await (await session.incomingUnidirectionalStreams.next())?.readAll()) ?? null)).toBe("3");
  });

  it("answers / and /e2e with a prefix, and leaves an idle stream alone", async () => {
    for (const path of ["/", "/e2e"]) {
      await using session = await open(path);
      const idle = await session.createBidirectionalStream();
      await idle.write("not yet");
      expect(await exchange(session, "x")).toBe("ECHO: x");
      await session.datagrams.send("d");
      expect(text(await session.datagrams.receive())).toBe("ECHO: d");
      idle.finish();
      expect(text(await idle.readAll())).toBe("ECHO: not yet");
    }
  });

  it("sends its health in one datagram and closes with code 0", async () => {
    const session = await open("/health");
    expect(JSON.parse(text(await session.datagrams.receive()))).toMatchObject({ status: "healthy" });
    expect(await session.closed).toMatchObject({ clean: true, code: 0, by: "peer" });
  });

  it("sends the server's statistics on a stream and closes once they are read", async () => {
    const session = await open("/stats");
    const stream = await session.incomingBidirectionalStreams.next();
    const stats = JSON.parse(text((await stream?.readAll()) ?? null)) as { sessions: number };
    expect(stats.sessions).toBeGreaterThan(0);
    stream?.finish();
    expect(await session.closed).toMatchObject({ clean: true, code: 0, by: "peer" });
  });

  it("refuses with the status it is asked for, 403 without one, 400 for what is no status", async () => {
    for (const [query, status] of [
      ["", 403],
      ["?status=418", 418],
      ["?status=200", 400],
      ["?status=x", 400],
    ] as const) {
      await expect(open(`/reject${query}`)).rejects.toSatisfy(
        (error) => error instanceof HttpError && error.status === status,
      );
    }
    await expect(open("/close?code=4294967296")).rejects.toSatisfy(
      (error) => error instanceof HttpError && error.status === 400,
    );
  });

  it("reports how sessions end, with a capsule and without, and what happens to streams", async () => {
    const closing = await open("/echo");
    const stream = await closing.createBidirectionalStream();
    await stream.write("x");
    await stream.read();
    stream.reset(11);
    await expect(stream.readClosed).rejects.toThrow();
    const other = await closing.createBidirectionalStream();
    await other.write("x");
    await other.read();
    other.stop(12);
    await exchange(closing, "y");
    await closing.close({ code: 13, reason: "bye" });
    const silent = await open("/e2e");
    await silent.close({ capsule: false });
    const events = await report();
    expect(events[0]).toMatchObject({ kind: "stats", sessions: 1 });
    for (const expected of [
      { kind: "connect", path: "/echo" },
      { kind: "stream_reset", stream: stream.id, code: 11 },
      { kind: "stop_sending", stream: other.id, code: 12 },
      { kind: "session_close", path: "/echo", code: 13, reason: "bye" },
      { kind: "connect_fin", path: "/e2e" },
    ]) {
      expect(events).toContainEqual({ t: expect.any(Number) as number, ...expected });
    }
  });

  it("tells usage errors with exit code 2", async () => {
    for (const flags of [["--bogus"], ["--workers", "0"], ["--metrics-port", "x"], ["--retry", "perhaps"], []]) {
      const refused = new Program("peer-app", flags.length === 0 ? [] : [...flags, ...certificate(identity)]);
      expect(await refused.exited).toBe(2);
      expect(refused.errors).toMatch(/^Error: /);
      expect(refused.lines).toEqual([]);
    }
  });

  it("serves its metrics with --metrics-port", async () => {
    const monitored = new Program("peer-app", [
      ...["--port", "0", "--host", "127.0.0.1", "--metrics-port", "0"],
      ...certificate(identity),
    ]);
    const { serverCertificateHashes } = identity;
    await using session = await connect(`https://${await monitored.address()}/e2e`, { serverCertificateHashes });
    expect(await exchange(session, "x")).toBe("ECHO: x");
    const [, url = ""] = /^metrics at (\S+)$/m.exec(monitored.errors) ?? [];
    const metrics = await (await fetch(url)).text();
    expect(metrics).toMatch(/^tswebtransport_sessions_active 1$/m);
    expect((await fetch(new URL("/readyz", url))).status).toBe(200);
    await session.close();
    expect(await monitored.stop()).toBe(0);
  });

  it("runs as a cluster with --workers, serves the metrics of all, and ends with all of its processes", async () => {
    const cluster = new Program("peer-app", [
      ...["--port", "0", "--host", "127.0.0.1", "--workers", "2", "--metrics-port", "0"],
      ...certificate(identity),
    ]);
    const { serverCertificateHashes } = identity;
    const url = `https://${await cluster.address()}/e2e`;
    const sessions = await Promise.all(Array.from({ length: 4 }, () => connect(url, { serverCertificateHashes })));
    for (const session of sessions) expect(await exchange(session, "x")).toBe("ECHO: x");
    const [, metricsUrl = ""] = /^metrics at (\S+)$/m.exec(cluster.errors) ?? [];
    const metrics = await (await fetch(metricsUrl)).text();
    const active = [...metrics.matchAll(/^tswebtransport_sessions_active\{worker="[01]"\} (\d+)$/gm)];
    expect(active).toHaveLength(2);
    expect(active.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(4);
    const code = cluster.stop();
    for (const session of sessions) expect(await session.closed).toMatchObject({ clean: true, by: "peer" });
    expect(await code).toBe(0);
    expect(cluster.lines).toHaveLength(1);
    expect(cluster.errors).toMatch(/^metrics at \S+\n$/);
  });

  it("serves behind Retry", async () => {
    const retrying = new Program("peer-app", [
      ...["--port", "0", "--host", "127.0.0.1", "--retry", "always"],
      ...certificate(identity),
    ]);
    const { serverCertificateHashes } = identity;
    await using session = await connect(`https://${await retrying.address()}/e2e`, { serverCertificateHashes });
    expect(await exchange(session, "x")).toBe("ECHO: x");
    await session.close();
    expect(await retrying.stop()).toBe(0);
  });

  it("closes gracefully when npm gets SIGTERM", async () => {
    const arguments_ = ["--port", "0", "--host", "127.0.0.1", ...certificate(identity)];
    const npm = new Program("npm", ["run", "--silent", "peer-app", "--", ...arguments_]);
    const { serverCertificateHashes } = identity;
    const session = await connect(`https://${await npm.address()}/e2e`, { serverCertificateHashes });
    const code = npm.stop();
    expect(await session.closed).toMatchObject({ clean: true, by: "peer" });
    expect(await code).toBe(0);
    expect(npm.lines).toHaveLength(1);
  });
});
