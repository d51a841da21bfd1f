import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import * as w3c from "../../../src/w3c/index.ts";

import { WptServer } from "./handlers.ts";
import { failure } from "./streams.ts";

let server: WptServer;
beforeAll(async () => {
  server = await WptServer.start();
});
afterEach(() => {
  server.closeSessions();
});
afterAll(async () => {
  await server.close();
});

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("stats", () => {
  function expectRoundTrips({ minRtt = 0, smoothedRtt = 0 }: w3c.WebTransportConnectionStats): void {
    expect(minRtt).toBeGreaterThan(0);
    expect(smoothedRtt).toBeGreaterThan(0);
  }

  it("are there once the session stands", async () => {
    const transport = server.open("echo");
    await transport.ready;
    const stats = await transport.getStats();
    expectRoundTrips(stats);
    expect(stats.datagrams).toMatchObject({ expiredOutgoing: 0, droppedIncoming: 0, lostOutgoing: 0 });
  });

  it("are there after the session was closed, and when it is closed in the middle", async () => {
    const transport = server.open("echo");
    await transport.ready;
    const before = transport.getStats();
    transport.close();
    expectRoundTrips(await before);
    expectRoundTrips(await transport.getStats());
  });

  it("wait for the session when they are asked for before", async () => {
    expectRoundTrips(await server.open("echo").getStats());
  });

  it("reject with InvalidStateError when there is no session", async () => {
    const transport = new w3c.WebTransport("https://webtransport.invalid/");
    for (let time = 0; time < 2; time += 1) {
      expect(await failure(transport.getStats())).toMatchObject({ code: DOMException.INVALID_STATE_ERR });
    }
  });

  it("are given to several who ask, each with a promise of its own", async () => {
    const transport = server.open("echo");
    const [first, second] = [transport.getStats(), transport.getStats()];
    expect(first).not.toBe(second);
    expectRoundTrips(await first);
    expectRoundTrips(await second);
  });

  it("of a pooled connection tell nothing of other sessions", async () => {
    const transport = server.open("echo", { allowPooling: true });
    const stats = await transport.getStats();
    expect(Object.keys(stats).sort()).toEqual([
      "atSendCapacity",
      "datagrams",
      "estimatedSendRate",
      "minRtt",
      "smoothedRtt",
    ]);
    expect(stats.datagrams).toEqual({});
  });
});

describe("export-keying-material", () => {
  const length = 32;

  it("gives bytes for a label, with and without a context", async () => {
    const transport = server.open("echo");
    for (const context of ["", "test-context-value"]) {
      const material = await transport.exportKeyingMaterial(encode("label"), encode(context), length);
      expect(material).toBeInstanceOf(Uint8Array);
      expect(material.byteLength).toBe(length);
    }
  });

  it("gives the same for the same, and other bytes for another label, context or connection", async () => {
    const [one, two] = [server.open("echo"), server.open("echo")];
    const material = async (transport: w3c.WebTransport, label: string, context: string): Promise<string> =>
      Buffer.from(await transport.exportKeyingMaterial(encode(label), encode(context), length)).toString("hex");
    const first = await material(one, "label", "context");
    expect(await material(one, "label", "context")).toBe(first);
    const others = [
      await material(one, "other", "context"),
      await material(one, "label", "other"),
      await material(two, "label", "context"),
    ];
    expect(new Set([first, ...others]).size).toBe(4);
  });

  it("takes an ArrayBuffer as well as a view", async () => {
    const transport = server.open("echo");
    const label = Uint8Array.from(encode("typed-array-test"));
    const context = new Uint8Array(0);
    const fromView = await transport.exportKeyingMaterial(label, context, length);
    expect(await transport.exportKeyingMaterial(label.buffer, context, length)).toEqual(fromView);
  });

  it("takes labels and contexts of 255 bytes, and rejects longer ones and lengths with RangeError", async () => {
    const transport = server.open("echo");
    const [most, more] = [new Uint8Array(255).fill(65), new Uint8Array(256)];
    expect((await transport.exportKeyingMaterial(most, most, 4096)).byteLength).toBe(4096);
    const refused: [Uint8Array, Uint8Array, number][] = [
      [more, most, length],
      [most, more, length],
      [most, most, 0],
      [most, most, 4097],
    ];
    for (const [label, context, bytes] of refused) {
      expect(await failure(transport.exportKeyingMaterial(label, context, bytes))).toBeInstanceOf(RangeError);
    }
  });

  it("rejects with InvalidStateError when the session has ended", async () => {
    const transport = server.open("echo");
    await transport.ready;
    transport.close();
    const exporting = transport.exportKeyingMaterial(encode("label"), new Uint8Array(0), length);
    expect(await failure(exporting)).toMatchObject({ name: "InvalidStateError" });
  });
});

describe("idlharness", () => {
  /** The interfaces of the specification with their members. */
  const interfaces: Readonly<Record<string, readonly string[]>> = {
    WebTransport: [
      "getStats",
      "exportKeyingMaterial",
      "ready",
      "reliability",
      "congestionControl",
      "anticipatedConcurrentIncomingUnidirectionalStreams",
      "anticipatedConcurrentIncomingBidirectionalStreams",
      "responseHeaders",
      "protocol",
      "closed",
      "draining",
      "close",
      "datagrams",
      "createBidirectionalStream",
      "incomingBidirectionalStreams",
      "createUnidirectionalStream",
      "incomingUnidirectionalStreams",
      "createSendGroup",
    ],
    WebTransportDatagramDuplexStream: [
      "createWritable",
      "readable",
      "maxDatagramSize",
      "incomingMaxAge",
      "outgoingMaxAge",
      "incomingMaxBufferedDatagrams",
      "outgoingMaxBufferedDatagrams",
    ],
    WebTransportDatagramsWritable: ["sendGroup", "sendOrder"],
    WebTransportSendStream: ["sendGroup", "sendOrder", "getStats", "getWriter"],
    WebTransportReceiveStream: ["getStats"],
    WebTransportBidirectionalStream: ["readable", "writable"],
    WebTransportSendGroup: ["getStats"],
    WebTransportWriter: ["atomicWrite", "commit"],
    WebTransportError: ["source", "streamErrorCode"],
  };
  const classes = w3c as unknown as Record<string, { readonly name: string; readonly prototype: object }>;

  it.each(Object.entries(interfaces))(
    "%s has its members on its prototype, enumerable, and a string tag",
    (name, members) => {
      const type = classes[name]!;
      expect(type.name).toBe(name);
      expect(Reflect.get(type.prototype, Symbol.toStringTag)).toBe(name);
      for (const member of members) {
        const descriptor = Object.getOwnPropertyDescriptor(type.prototype, member);
        expect(descriptor, member).toMatchObject({ enumerable: true, configurable: true });
      }
    },
  );

  it.each(Object.keys(interfaces).filter((name) => !["WebTransport", "WebTransportError"].includes(name)))(
    "%s cannot be constructed",
    (name) => {
      const type = classes[name] as unknown as new () => object;
      expect(() => new type()).toThrow(TypeError);
    },
  );

  it("WebTransportError is a DOMException with a code of 0", () => {
    const error = new w3c.WebTransportError("text", { source: "session", streamErrorCode: -1 });
    expect(error).toBeInstanceOf(DOMException);
    expect(error).toMatchObject({
      name: "WebTransportError",
      message: "text",
      code: 0,
      source: "session",
      streamErrorCode: 0,
    });
    expect(new w3c.WebTransportError()).toMatchObject({ message: "", source: "stream", streamErrorCode: null });
    expect(new w3c.WebTransportError("", { streamErrorCode: 1e20 }).streamErrorCode).toBe(0xffff_ffff);
    expect(() => new w3c.WebTransportError("", { source: "other" as "stream" })).toThrow(TypeError);
  });

  it("WebTransport cannot be called without new, and needs a URL", () => {
    const call = w3c.WebTransport as unknown as () => unknown;
    expect(() => call()).toThrow(TypeError);
    expect(w3c.WebTransport.length).toBe(1);
  });
});
