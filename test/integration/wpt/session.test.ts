import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { generateSelfSignedCertificate } from "../../../src/certificates/self-signed.ts";
import { WebTransport, WebTransportBidirectionalStream } from "../../../src/w3c/index.ts";
import type { WebTransportOptions } from "../../../src/w3c/index.ts";

import { headersFrame, startRawServer } from "../client/raw-server.ts";

import { WptServer } from "./handlers.ts";
import { failure, first, isPending, isSessionFailure, readText } from "./streams.ts";

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

function named(name: string): object {
  return expect.objectContaining({ name }) as object;
}

/** `ready` and `closed` are rejected with the same WebTransportError of the session. */
async function expectNoSession(transport: WebTransport): Promise<void> {
  const error = await failure(transport.ready);
  expect(isSessionFailure(error)).toBe(true);
  expect(await failure(transport.closed)).toBe(error);
}

async function requestHeaders(transport: WebTransport): Promise<Record<string, string>> {
  return JSON.parse(await readText(await first(transport.incomingUnidirectionalStreams))) as Record<string, string>;
}

describe("constructor", () => {
  it.each([
    null,
    "",
    "no-scheme",
    "http://example.com/",
    "quic-transport://example.com/",
    "https:///",
    "https://example.com/#failing",
    "https://example.com/#",
    "https://example.com:999999/",
  ] as string[])("refuses the URL %j with SyntaxError", (url) => {
    expect(() => new WebTransport(url)).toThrow(named("SyntaxError"));
  });

  it.each([
    [[""]],
    [["\u8AA4"]],
    [["test", "test"]],
    [["a".repeat(513)]],
    [["\r"]],
    [["a\nb"]],
    [["\x00"]],
    [["\x7f"]],
  ])("refuses the protocols %j with SyntaxError", (protocols) => {
    expect(() => new WebTransport("https://example.com/", { protocols })).toThrow(named("SyntaxError"));
  });

  it.each<WebTransportOptions>([
    { allowPooling: true },
    { requireUnreliable: true },
    { allowPooling: true, requireUnreliable: true },
    { congestionControl: "default" },
    { congestionControl: "throughput" },
    { congestionControl: "low-latency" },
    { protocols: ["test"] },
    { protocols: ["a", "b", "c"] },
    { allowPooling: true, requireUnreliable: true, congestionControl: "low-latency" },
  ])("takes the options %j", async (options) => {
    const transport = server.open("client-close", options);
    await transport.ready;
    transport.close();
  });

  it("refuses pooling together with certificate hashes", () => {
    const serverCertificateHashes = [{ algorithm: "sha-256", value: new Uint8Array(32) }];
    expect(() => new WebTransport("https://example.com/", { allowPooling: true, serverCertificateHashes })).toThrow(
      named("NotSupportedError"),
    );
  });

  it("fails to connect to port 0", async () => {
    await expectNoSession(new WebTransport("https://127.0.0.1:0/"));
  });
});

describe("constructor-sharedarraybuffer", () => {
  it.each([
    ["a SharedArrayBuffer", new SharedArrayBuffer(32)],
    ["a view of one", new Uint8Array(new SharedArrayBuffer(32))],
  ])("refuses %s as a hash", (_what, value) => {
    const serverCertificateHashes = [{ algorithm: "sha-256", value: value as unknown as ArrayBuffer }];
    expect(() => new WebTransport("https://example.com/", { serverCertificateHashes })).toThrow(TypeError);
  });
});

describe("connect", () => {
  it("opens a session with status 200", async () => {
    await server.open("custom-response?:status=200").ready;
  });

  it("opens a session with status 204", async () => {
    const identity = await generateSelfSignedCertificate();
    const raw = await startRawServer({
      identity,
      answer: (connection, streamId) => connection.write(streamId, headersFrame([":status", "204"]), false),
    });
    const transport = new WebTransport(`https://127.0.0.1:${raw.port}/`, {
      serverCertificateHashes: [identity.certificateHash],
      config: { closeTimeout: 0 },
    });
    await transport.ready;
    transport.close();
    await raw.close();
  });

  it.each([301, 401, 404])("opens none with status %i", async (status) => {
    await expectNoSession(server.open(`custom-response?:status=${status}`));
  });

  it("sends no cookie", async () => {
    await server.open("custom-response?set-cookie=foo%3Dbar").ready;
    const headers = await requestHeaders(server.open("echo-request-headers"));
    expect(headers).not.toHaveProperty("cookie");
  });
});

describe("headers", () => {
  it("shows no response headers before there is a response, and a Headers object then", async () => {
    const transport = server.open("custom-response?x-test-header=hello&x-other=world");
    expect(transport.responseHeaders).toBe(null);
    await transport.ready;
    expect(transport.responseHeaders).toBeInstanceOf(Headers);
    expect(transport.responseHeaders).toBe(transport.responseHeaders);
    expect(transport.responseHeaders?.get("x-test-header")).toBe("hello");
    expect(transport.responseHeaders?.get("x-other")).toBe("world");
    expect(() => transport.responseHeaders?.set("x-other", "changed")).toThrow(TypeError);
  });

  it.each(["wt-protocol=foo", "set-cookie=probe%3D1"])("hides %s", async (query) => {
    const transport = server.open(`custom-response?${query}`);
    await transport.ready;
    expect([...(transport.responseHeaders ?? [])]).toEqual([]);
    expect(transport.protocol).toBe("");
  });

  it("sends a header of the script in lower case", async () => {
    const headers = await requestHeaders(
      server.open("echo-request-headers", { headers: { "X-Client-Header": "sent" } }),
    );
    expect(headers).toMatchObject({ "x-client-header": "sent" });
  });

  it("drops what Fetch forbids without a word", async () => {
    const headers = { Cookie: "probe=forbidden", Host: "other.example", "Sec-Probe": "1", Upgrade: "x" };
    const sent = await requestHeaders(server.open("echo-request-headers", { headers }));
    expect(Object.keys(sent)).not.toEqual(expect.arrayContaining(["cookie"]));
    for (const name of ["cookie", "host", "sec-probe", "upgrade"]) expect(sent).not.toHaveProperty(name);
  });

  it.each(["wt-available-protocols", "WT-Available-Protocols", "Wt-AVAILABLE-protocols"])("refuses %s", (name) => {
    expect(() => new WebTransport("https://localhost/", { headers: { [name]: "test" } })).toThrow(TypeError);
  });

  it("takes a sequence of pairs, also with a name twice, and refuses what is no pair", () => {
    for (const pairs of [
      [
        ["x-foo", "bar"],
        ["x-baz", "qux"],
      ],
      [
        ["x-dup", "one"],
        ["x-dup", "two"],
      ],
    ] as [string, string][][]) {
      new WebTransport("https://localhost:0/", { headers: pairs }).close();
    }
    const headers = [["only-one-element"]] as unknown as [string, string][];
    expect(() => new WebTransport("https://localhost:0/", { headers })).toThrow(TypeError);
  });
});

describe("close", () => {
  it("tells the server code 0 and no reason", async () => {
    const { token, record } = server.recorder();
    const transport = server.open(`client-close?token=${token}`);
    await transport.ready;
    transport.close();
    expect(await transport.closed).toEqual({ closeCode: 0, reason: "" });
    expect(await record.sessionClosed).toEqual({ clean: true, code: 0, reason: "", by: "peer" });
  });

  it("before the session stands rejects ready and closed alike", async () => {
    const transport = server.open("echo");
    transport.close();
    await expectNoSession(transport);
  });

  it("tells the server code and reason", async () => {
    const { token, record } = server.recorder();
    const transport = server.open(`client-close?token=${token}`);
    await transport.ready;
    transport.close({ closeCode: 99, reason: "reason X" });
    expect(await transport.closed).toEqual({ closeCode: 99, reason: "reason X" });
    expect(await record.sessionClosed).toMatchObject({ clean: true, code: 99, reason: "reason X" });
  });

  it("cuts a long reason for the server, but not for the script", async () => {
    const { token, record } = server.recorder();
    const transport = server.open(`client-close?token=${token}`);
    await transport.ready;
    const reason = "あいうえお".repeat(1000);
    transport.close({ closeCode: 11, reason });
    expect(await transport.closed).toEqual({ closeCode: 11, reason });
    const sent = reason.slice(0, Math.floor(1024 / 3));
    expect(await record.sessionClosed).toMatchObject({ clean: true, code: 11, reason: sent });
  });

  it("by the server fulfils closed", async () => {
    expect(await server.open("server-close").closed).toEqual({ closeCode: 0, reason: "" });
    expect(await server.open("server-close?code=32&reason=abc").closed).toEqual({ closeCode: 32, reason: "abc" });
  });

  it("of the connection rejects closed, and errs every stream with the same error", async () => {
    const transport = server.open("server-connection-close");
    const stream = await first(transport.incomingBidirectionalStreams);
    const writer = stream.writable.getWriter();
    const reader = stream.readable.getReader();
    void writer.write(Uint8Array.of(65));
    const error = await failure(transport.closed);
    expect(isSessionFailure(error)).toBe(true);
    expect(await failure(writer.closed)).toBe(error);
    expect(await failure(reader.closed)).toBe(error);
  });

  it("does not come before streams that are opened before ready", async () => {
    for (const create of ["createUnidirectionalStream", "createBidirectionalStream"] as const) {
      const transport = server.open("echo");
      await transport[create]();
      await transport.ready;
    }
  });

  it("by the server rejects the creation of a stream with InvalidStateError, if it comes before", async () => {
    const transport = server.open("server-close");
    await transport.closed;
    for (const create of ["createUnidirectionalStream", "createBidirectionalStream"] as const) {
      expect(await failure(transport[create]())).toMatchObject({ name: "InvalidStateError" });
    }
  });

  it("errs streams with AbortError and closes what comes in", async () => {
    const transport = server.open("echo");
    const stream = await transport.createBidirectionalStream();
    const incoming = transport.incomingUnidirectionalStreams.getReader();
    transport.close();
    expect(await failure(stream.writable.getWriter().closed)).toMatchObject({ name: "AbortError" });
    expect(await failure(stream.readable.getReader().closed)).toMatchObject({ name: "AbortError" });
    expect(await incoming.read()).toEqual({ done: true, value: undefined });
    expect(await transport.datagrams.readable.getReader().read()).toEqual({ done: true, value: undefined });
  });
});

describe("draining", () => {
  it("is one promise, from the beginning, that does not settle by itself or with the session's end", async () => {
    const transport = server.open("echo");
    const { draining } = transport;
    expect(draining).toBeInstanceOf(Promise);
    await transport.ready;
    expect(transport.draining).toBe(draining);
    transport.close();
    await transport.closed;
    expect(await isPending(draining)).toBe(true);
  });

  it("is fulfilled when the server drains; streams can be opened and used still", async () => {
    const transport = server.open("server-drain");
    await transport.ready;
    await expect(transport.draining).resolves.toBe(undefined);
    const stream = await transport.createBidirectionalStream();
    expect(stream).toBeInstanceOf(WebTransportBidirectionalStream);
    const unidirectional = (await transport.createUnidirectionalStream()).getWriter();
    await unidirectional.write(Uint8Array.of(0x41));
    await unidirectional.close();
    const writer = stream.writable.getWriter();
    await writer.write(Uint8Array.of(0x42));
    await writer.close();
    expect(await readText(stream.readable)).toBe("B");
    expect(await isPending(transport.closed)).toBe(true);
  });
});

describe("reliability", () => {
  it("is pending at first, and says that datagrams are there once the session stands", async () => {
    const transport = server.open("echo");
    expect(transport.reliability).toBe("pending");
    await transport.ready;
    expect(transport.reliability).toBe("supports-unreliable");
    expect(WebTransport.supportsReliableOnly).toBe(false);
  });
});

describe("congestion-control", () => {
  it.each(["default", "throughput", "low-latency"] as const)("%s is met or the default", async (congestionControl) => {
    const transport = server.open("client-close", { congestionControl });
    await transport.ready;
    expect([congestionControl, "default"]).toContain(transport.congestionControl);
  });

  it("is the default when the script asks for nothing", () => {
    expect(server.open("client-close").congestionControl).toBe("default");
  });

  it("refuses what is no preference", () => {
    expect(() => server.open("echo", { congestionControl: "fast" as "default" })).toThrow(TypeError);
  });
});

describe("anticipated-concurrent-incoming-streams", () => {
  const names = [
    "anticipatedConcurrentIncomingUnidirectionalStreams",
    "anticipatedConcurrentIncomingBidirectionalStreams",
  ] as const;

  it.each([undefined, null])("is null when the script says %s", async (value) => {
    const transport = server.open("echo", value === null ? { [names[0]]: null, [names[1]]: null } : {});
    await transport.ready;
    expect(names.map((name) => transport[name])).toEqual([null, null]);
  });

  it.each([
    [99, 101],
    [0, 65_535],
    [65_535, 0],
  ])("shows what the constructor was given: %i and %i", async (unidirectional, bidirectional) => {
    const transport = server.open("echo", { [names[0]]: unidirectional, [names[1]]: bidirectional });
    await transport.ready;
    expect(names.map((name) => transport[name])).toEqual([unidirectional, bidirectional]);
  });

  it.each(names)("%s takes 0 to 65535 and null, and refuses all else", (name) => {
    const transport = server.open("echo", { [name]: 42 });
    for (const value of [-1, 65_536, Infinity, -Infinity, NaN]) {
      expect(() => new WebTransport("https://localhost:0/", { [name]: value })).toThrow(TypeError);
      expect(() => (transport[name] = value)).toThrow(TypeError);
      expect(transport[name]).toBe(42);
    }
    for (const value of [0, 65_535, null]) {
      transport[name] = value;
      expect(transport[name]).toBe(value);
    }
  });
});

describe("server-certificate-hashes", () => {
  it("opens no session when no hash fits", async () => {
    const serverCertificateHashes = [{ algorithm: "sha-256", value: new Uint8Array(32) }];
    await expectNoSession(server.open("echo", { serverCertificateHashes }));
  });
});
