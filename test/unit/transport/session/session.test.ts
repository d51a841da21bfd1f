import { describe, expect, it, vi } from "vitest";

import { text } from "../fake-quic.ts";
import { Pair } from "../pair.ts";

describe("disposal", () => {
  it("of a stream finishes it, of a session closes it", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    const stream = await client.createBidirectionalStream();
    await stream.write("x");
    const disposed = stream[Symbol.asyncDispose]();
    const incoming = (await pair.wait(server.incomingBidirectionalStreams.next()))!;
    expect(text(await incoming.readAll())).toBe("x");
    await pair.wait(disposed);
    await pair.wait(client[Symbol.asyncDispose]());
    expect(await server.closed).toMatchObject({ clean: true, code: 0 });
  });
});

describe("a session's facts", () => {
  it("have a duration that does not depend on the system's clock", async () => {
    const pair = await Pair.create();
    const { server } = await pair.session();
    const setBack = vi.spyOn(Date, "now").mockReturnValue(0);
    try {
      expect(server.getStats().duration).toBeGreaterThanOrEqual(0);
      expect(server.getStats().createdAt).toBeGreaterThan(0);
    } finally {
      setBack.mockRestore();
    }
  });

  it("are counted, shown and free of secrets", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    const stream = await client.createBidirectionalStream({ sendOrder: 5, sendGroup: client.createSendGroup() });
    expect(stream.sendOrder).toBe(5);
    await stream.write("12345");
    await client.datagrams.send("x");
    await pair.settle();
    expect(client.getStats()).toMatchObject({ streamsOpened: 1, streamsActive: 1, bytesSent: 5, datagramsSent: 1 });
    expect(server.getStats()).toMatchObject({ streamsAccepted: 1, bytesReceived: 5, datagramsReceived: 1 });
    const state: unknown = JSON.parse(JSON.stringify(server.debugState()));
    expect(state).toMatchObject({
      state: "connected",
      path: "/test",
      streams: [{ bytesUnread: 5, initiator: "peer" }],
    });
    expect(server.diagnoseIssues()).toEqual([]);
  });

  it("say when it ended, how long it lasted, and how many streams of each kind there were", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    await client.createBidirectionalStream();
    await server.createBidirectionalStream();
    await client.createUnidirectionalStream();
    await pair.settle();
    const kinds = { bidirectionalStreams: 2, unidirectionalStreams: 1 };
    expect(client.getStats()).toMatchObject({ ...kinds, closedAt: undefined, streamsOpened: 2, streamsAccepted: 1 });
    expect(server.getStats()).toMatchObject({ ...kinds, closedAt: undefined, streamsOpened: 1, streamsAccepted: 2 });
    await pair.time.advance(5000);
    expect(client.getStats().duration).toBe(5000);
    await pair.wait(client.close());
    const { createdAt, duration } = client.getStats();
    await pair.time.advance(60_000);
    expect(duration).toBeGreaterThanOrEqual(5000);
    expect(client.getStats()).toMatchObject({ duration, closedAt: createdAt + duration });
  });

  it("tell of datagrams that nobody receives", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    const send = async (count: number): Promise<void> => {
      for (let sent = 0; sent < count; sent += 1) void client.datagrams.send("x");
      await pair.settle();
    };
    await send(100);
    expect(server.diagnoseIssues()).toEqual([]);
    await send(1);
    expect(server.diagnoseIssues()).toEqual([expect.stringMatching(/^101 datagrams wait .* limit is 256: /)]);
    await server.datagrams.receive();
    expect(server.diagnoseIssues()).toEqual([]);
  });

  it("tell of many streams that fail, once there were more than fifty", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    const open = async (count: number, fail: boolean): Promise<void> => {
      for (let opened = 0; opened < count; opened += 1) {
        const stream = await client.createUnidirectionalStream();
        await stream.write("x");
        const incoming = await pair.wait(server.incomingUnidirectionalStreams.next());
        if (fail) stream.reset(1);
        else stream.finish();
        await pair.wait(incoming!.readAll().catch(() => {}));
      }
      await pair.settle();
    };
    await open(6, true);
    await open(44, false);
    expect(server.diagnoseIssues()).toEqual([]);
    await open(1, false);
    expect(server.diagnoseIssues()).toEqual([
      "6 of 51 streams of a session ended in an error: they were reset or stopped",
    ]);
    await open(9, false);
    expect(server.diagnoseIssues()).toEqual([]);
  });

  it("tell of a session that nobody has used for an hour", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    await pair.time.advance(3_600_000);
    expect(server.diagnoseIssues()).toEqual([]);
    await pair.time.advance(1);
    expect(server.diagnoseIssues()).toEqual([expect.stringMatching(/^A session has been open for more than an hour/)]);
    await client.datagrams.send("still here");
    await pair.settle();
    expect(server.diagnoseIssues()).toEqual([]);
  });

  it("refuse to end by what close() does not have", async () => {
    const pair = await Pair.create();
    const { client } = await pair.session();
    for (const [configKey, options] of [
      ["options", null],
      ["cod", { cod: 7 }],
      ["abort", { abort: "now" }],
      ["capsule", { capsule: 0 }],
    ] as const) {
      const refused = expect.objectContaining({ name: "ConfigurationError", configKey }) as Error;
      expect(() => client.close(options as object)).toThrow(refused);
      if (configKey !== "capsule") expect(() => pair.client.close(options as object)).toThrow(refused);
    }
    expect(client.isReady).toBe(true);
  });

  it("exportKeyingMaterial() binds the session's id, label and context", async () => {
    const pair = await Pair.create();
    const { client } = await pair.session();
    const exporter = vi.spyOn(pair.quic.client, "exportKeyingMaterial");
    expect(await client.exportKeyingMaterial("abc", "", 13)).toHaveLength(13);
    const context = Uint8Array.from(Buffer.from("00000000000000000361626300", "hex"));
    expect(exporter).toHaveBeenCalledExactlyOnceWith("EXPORTER-WebTransport", context, 13);
    expect(() => client.exportKeyingMaterial("x".repeat(256), "", 1)).toThrow(RangeError);
    expect(() => client.exportKeyingMaterial("x", "", 0)).toThrow(RangeError);
  });

  it("are told as events to session, connection and server", async () => {
    const told: string[] = [];
    const events = {
      listens: () => true,
      forward: (type: string) => told.push(type) > 0,
      reportListenerError: () => {},
    };
    const pair = await Pair.create({ server: { events } });
    const { client, server } = await pair.session();
    server.on("datagram_received", ({ data }) => told.push(`heard ${text(data) ?? ""}`));
    const stream = await client.createUnidirectionalStream();
    await stream.writeAll("x");
    await pair.settle();
    await client.datagrams.send("ping");
    await pair.wait(client.close());
    expect(told).toEqual([
      "connection_established",
      "session_request",
      "session_ready",
      "stream_opened",
      "stream_closed",
      "heard ping",
      "datagram_received",
      "session_closed",
    ]);
  });
});
