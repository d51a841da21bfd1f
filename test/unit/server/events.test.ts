import { subscribe, unsubscribe } from "node:diagnostics_channel";

import { afterEach, describe, expect, it, vi } from "vitest";

import { connect } from "../../../src/client/connect.ts";
import { TypedEmitter } from "../../../src/events/emitter.ts";
import { EventType } from "../../../src/events/event-types.ts";
import { echoHandler } from "../../../src/server/handlers.ts";
import { WebTransportConnection } from "../../../src/transport/connection/connection.ts";
import { WebTransportSession } from "../../../src/transport/session/session.ts";

import { AppWorld } from "./app/app-world.ts";

type Heard = [where: string, type: string, payload: Readonly<Record<string, unknown>>];

describe("events of a server, its connections and its sessions", () => {
  let world: AppWorld;
  const unsubscribes: (() => void)[] = [];

  afterEach(async () => {
    for (const each of unsubscribes.splice(0)) each();
    await world.close();
  });

  /** Everything that is told at every place. Only the server's side is looked at. */
  function listen(heard: Heard[]): void {
    const note = (where: string) => (type: string, payload: unknown) =>
      void heard.push([where, type, payload as Record<string, unknown>]);
    const { server } = world.app;
    server.onAny(note("server"));
    server.on("connection_established", ({ connection }) => {
      if (connection instanceof WebTransportConnection) connection.onAny(note("connection"));
    });
    server.on("session_ready", ({ session }) => {
      if (session instanceof WebTransportSession) session.onAny(note("session"));
    });
    for (const type of Object.values(EventType)) {
      const onMessage = (message: unknown): void => {
        const { connection, session } = message as { connection?: { id: string }; session?: { id: string } };
        if ((session ?? connection)?.id.startsWith("server") === true) note("channel")(type, message);
      };
      subscribe(`tswebtransport:${type}`, onMessage);
      unsubscribes.push(() => {
        unsubscribe(`tswebtransport:${type}`, onMessage);
      });
    }
  }

  it("are told at each of them and on the channel, with their payload, once", async () => {
    const heard: Heard[] = [];
    world = new AppWorld();
    world.app.route("/", echoHandler);
    listen(heard);
    await world.listen();
    const session = await world.connect("/");
    const stream = await session.createBidirectionalStream();
    await stream.writeAll("hello");
    await stream.readAll();
    await session.datagrams.send("ping");
    await session.datagrams.receive();
    const broken = await session.createBidirectionalStream();
    await broken.write("x");
    await world.pair.engine.clock.settle();
    broken.reset(5);
    await world.pair.engine.clock.settle();
    await world.app.server.sessions[0]?.datagrams.send(new Uint8Array(70_000)).catch(() => {});
    session.drain();
    await world.pair.engine.clock.settle();
    await session.close({ code: 3, reason: "bye" });
    await session.connection.close();
    await world.pair.engine.clock.settle();

    const ofServer = heard.filter(([where]) => where === "server");
    const payload = (type: string): unknown => ofServer.find(([, heardType]) => heardType === type)?.[2];
    const timestamp = expect.any(Number) as unknown;
    const [, , { session: live }] = ofServer.find(([, type]) => type === "session_ready")!;
    const [, , { connection }] = ofServer.find(([, type]) => type === "connection_established")!;
    expect(payload("connection_established")).toMatchObject({ timestamp, remoteAddress: { family: 4 } });
    expect(payload("session_request")).toMatchObject({ timestamp, request: { path: "/" } });
    expect(payload("stream_opened")).toEqual({
      timestamp,
      session: live,
      streamId: 4,
      direction: "bidirectional",
      initiator: "peer",
    });
    expect(payload("stream_closed")).toMatchObject({ timestamp, streamId: 4 });
    expect(payload("stream_error")).toMatchObject({ timestamp, streamId: 8, error: { streamErrorCode: 5 } });
    expect(payload("datagram_received")).toMatchObject({ timestamp, data: new TextEncoder().encode("ping") });
    expect(payload("datagram_sent")).toMatchObject({ timestamp, size: 4 });
    expect(payload("session_draining")).toEqual({ timestamp, session: live });
    expect(payload("session_closed")).toMatchObject({ timestamp, info: { clean: true, code: 3, reason: "bye" } });
    expect(payload("connection_closed")).toMatchObject({ timestamp, connection, info: { clean: true } });

    const typesAt = (where: string): readonly string[] => heard.filter(([at]) => at === where).map(([, type]) => type);
    expect(typesAt("channel")).toEqual(typesAt("server"));
    const ofSessions = typesAt("server").filter((type) => /^(session_(?!request)|stream|datagram)/.test(type));
    // Whoever listens in `session_ready` and `connection_established` comes too late for these themselves.
    expect(typesAt("session")).toEqual(ofSessions.filter((type) => type !== "session_ready"));
    expect(typesAt("connection")).toEqual(typesAt("server").filter((type) => type !== "connection_established"));
    for (const [, type, told] of heard) {
      expect([type, heard.filter(([, , other]) => other === told).length]).toEqual([
        type,
        ofSessions.includes(type) ? (type === "session_ready" ? 3 : 4) : type === "connection_established" ? 2 : 3,
      ]);
    }
  });

  it("tell of a connection that is lost by its time-out", async () => {
    const heard: Heard[] = [];
    world = new AppWorld({ connectionIdleTimeout: 1000, keepaliveInterval: 0 });
    world.app.route("/", echoHandler);
    await world.listen();
    listen(heard);
    await world.connect("/");
    const { engine } = world.pair;
    engine.cut();
    await engine.clock.advance(2000);
    engine.restore();
    const types = heard.filter(([where]) => where === "server").map(([, type]) => type);
    expect(types.slice(-4)).toEqual(["session_closed", "timeout_error", "connection_lost", "connection_closed"]);
    const [, , timedOut] = heard.find(([, type]) => type === "timeout_error")!;
    expect(timedOut).toMatchObject({ timestamp: expect.any(Number) as unknown, error: { name: "ConnectionError" } });
    const [, , lost] = heard.find(([, type]) => type === "connection_lost")!;
    expect(lost).toMatchObject({ error: { name: "ConnectionError" }, connection: { state: "closed" } });
  });

  it("tell of a datagram that cannot be sent, whether or not its sender gets an error", async () => {
    world = new AppWorld();
    world.app.route("/", echoHandler);
    await world.listen();
    await world.connect("/");
    const [session] = world.app.server.sessions;
    const heard: unknown[] = [];
    world.app.server.on("datagram_error", (event) => {
      heard.push(event);
    });
    await expect(session!.datagrams.send(new Uint8Array(70_000))).rejects.toMatchObject({ name: "DatagramError" });
    expect(session!.datagrams.trySend(new Uint8Array(70_001))).toBe(false);
    const error = { name: "DatagramError", maxSize: session!.datagrams.maxDatagramSize };
    expect(heard).toMatchObject([
      { session, timestamp: expect.any(Number) as unknown, error: { ...error, datagramSize: 70_000 } },
      { session, error: { ...error, datagramSize: 70_001 } },
    ]);
    expect(session!.datagrams.trySend("fits")).toBe(true);
    expect(heard).toHaveLength(2);
  });

  it("tell on the channel of a client's connection that fails, and that it was a time-out", async () => {
    const heard: [type: string, event: unknown][] = [];
    for (const type of ["connection_failed", "timeout_error", "connection_closed"]) {
      const note = (event: unknown): void => void heard.push([type, event]);
      subscribe(`tswebtransport:${type}`, note);
      unsubscribes.push(() => unsubscribe(`tswebtransport:${type}`, note));
    }
    world = new AppWorld();
    world.app.route("/", echoHandler);
    await world.listen();
    const hash = { algorithm: "sha-256", value: new Uint8Array(32) } as const;
    const { engine } = world.pair;
    const { port = 0 } = world.app.server.localAddress ?? {};
    const options = { engine, serverCertificateHashes: [hash], maxRetries: 0, handshakeTimeout: 500 };
    const untrusted = connect(`https://127.0.0.1:${port}/`, options);
    await expect(untrusted).rejects.toMatchObject({ name: "CertificateError" });
    expect(heard.map(([type]) => type)).toEqual(["connection_failed", "connection_closed"]);
    expect(heard[0]?.[1]).toMatchObject({ connection: { role: "client" }, error: { name: "CertificateError" } });
    heard.length = 0;
    engine.cut();
    const unanswered = expect(connect(`https://127.0.0.1:${port}/`, options)).rejects.toMatchObject({
      name: "TimeoutError",
    });
    await new Promise(setImmediate);
    await engine.clock.advance(501);
    await unanswered;
    expect(heard.map(([type]) => type)).toEqual(["timeout_error", "connection_failed", "connection_closed"]);
    expect(heard[0]?.[1]).toMatchObject({ error: { name: "TimeoutError", operation: "handshake" } });
  });

  it("cost nothing when nobody hears them: none is made", async () => {
    const published = vi.spyOn(TypedEmitter.prototype, "publish");
    const emitted = vi.spyOn(TypedEmitter.prototype, "emit");
    world = new AppWorld();
    world.app.route("/", echoHandler);
    await world.listen();
    const session = await world.connect("/");
    const stream = await session.createBidirectionalStream();
    await stream.writeAll("hello");
    await stream.readAll();
    await session.datagrams.send("ping");
    await session.datagrams.receive();
    await session.close();
    await session.connection.close();
    // The client of this test listens to its own connection.
    const ofServer = [...published.mock.contexts, ...emitted.mock.contexts].filter(
      (emitter) => !(emitter instanceof WebTransportConnection && emitter.role === "client"),
    );
    expect(ofServer).toEqual([]);
    vi.restoreAllMocks();
  });
});
