import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { FrameType } from "../../../src/constants/http3.ts";
import { WireCodes } from "../../../src/constants/wire-codes.ts";
import { encodeFrame } from "../../../src/protocol/http3/frames.ts";
import { defaultLimits } from "../../../src/protocol/limits.ts";
import { decodeFieldSection, encodeFieldSection } from "../../../src/protocol/qpack/field-section.ts";
import { controlStreamPreamble } from "../../../src/protocol/options.ts";
import { echoHandler } from "../../../src/server/handlers.ts";
import { WebTransport } from "../../../src/w3c/index.ts";

import { certificate, LocalServer } from "./local-server.ts";
import { RawClient } from "./raw-client.ts";

const headersOf = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-${index}`, "v"]));

let server: LocalServer;

beforeAll(async () => {
  server = await LocalServer.start((app) => app.route("/echo", echoHandler));
});
afterEach(() => server.empty());
afterAll(() => server.close());

describe("a client whose request is larger than the server takes", () => {
  it.each([
    ["URL", `/echo?q=${"v".repeat(150_000)}`, {}],
    ["path", `/${"v".repeat(150_000)}`, {}],
    ["header", "/echo", { headers: { "x-long": "v".repeat(150_000) } }],
    ["number of headers", "/echo", { headers: headersOf(10_000) }],
    ["number of subprotocols", "/echo", { protocols: Array.from({ length: 10_000 }, (_, index) => `p${index}`) }],
  ])("fails at once and says both sizes: its %s", async (_, path, options) => {
    await expect(server.connect(path, { connectTimeout: 0, maxRetries: 3, ...options })).rejects.toMatchObject({
      name: "ClientError",
      code: "ERR_WT_CLIENT",
      handshakeStage: "http",
      message: expect.stringMatching(
        /^Cannot open a session: its header section counts \d{5,6} bytes, and the server takes no more than 65536 /,
      ) as string,
    });
  });

  it("is told so by ready and closed of the W3C's class", async () => {
    const transport = new WebTransport(server.url(`/echo?q=${"v".repeat(150_000)}`), {
      serverCertificateHashes: [certificate.certificateHash],
    });
    const error = {
      name: "WebTransportError",
      source: "session",
      message: expect.stringContaining("takes no more than 65536") as string,
    };
    await expect(transport.ready).rejects.toMatchObject(error);
    await expect(transport.closed).rejects.toMatchObject(error);
  });

  it("is answered 431 for what the server alone can count: more than 256 fields", async () => {
    await expect(server.connect("/echo", { headers: headersOf(300) })).rejects.toMatchObject({
      name: "HttpError",
      status: 431,
      message: expect.stringContaining("shorten") as string,
    });
  });
});

describe("a client that sends HEADERS which the server does not keep", () => {
  const connect = encodeFrame(
    FrameType.headers,
    encodeFieldSection([
      [":method", "CONNECT"],
      [":protocol", "webtransport"],
      [":scheme", "https"],
      [":authority", "localhost"],
      [":path", "/echo"],
    ]),
  );

  /** A client with one session, on stream 0; `answers` resolves with the bytes of a stream once there are so many. */
  async function open(): Promise<{ client: RawClient; answer: (stream: number, length: number) => Promise<Buffer> }> {
    const got = new Map<number, Buffer>();
    let heard: () => void = () => {};
    const client = await RawClient.connect(server.port, {
      data: (streamId, chunk) => {
        got.set(streamId, Buffer.concat([got.get(streamId) ?? Buffer.alloc(0), chunk]));
        heard();
      },
    });
    const answer = (stream: number, length: number): Promise<Buffer> =>
      new Promise((resolve) => {
        heard = () => {
          const bytes = got.get(stream);
          if (bytes !== undefined && bytes.length >= length) resolve(bytes);
        };
        heard();
      });
    client.send("unidirectional", controlStreamPreamble());
    expect(client.send("bidirectional", connect)).toBe(0);
    expect(statusOf(await answer(0, 5))).toBe("200");
    return { client, answer };
  }

  function statusOf(frame: Buffer): string | undefined {
    return decodeFieldSection(frame.subarray(2, 2 + (frame[1] ?? 0)), defaultLimits)[0]?.[1];
  }

  it.each([65_537, 300_000, 1_048_576])("is answered 431, and its other session lives on: %i bytes", async (length) => {
    const { client, answer } = await open();
    expect(client.send("bidirectional", encodeFrame(FrameType.headers, new Uint8Array(length)))).toBe(4);
    expect(statusOf(await answer(4, 7))).toBe("431");
    expect(client.send("bidirectional", [0x40, 0x41, 0x00, 0x2a], true)).toBe(8);
    expect([...(await answer(8, 1))]).toEqual([0x2a]);
    await client.close();
  });

  it("has its connection closed when they go on for more than a megabyte", async () => {
    const { client, answer } = await open();
    client.send("bidirectional", encodeFrame(FrameType.headers, new Uint8Array(1_200_000)));
    expect(statusOf(await answer(4, 7))).toBe("431");
    expect(await client.closed).toMatchObject({ by: "peer", code: WireCodes.H3_EXCESSIVE_LOAD });
    await client.close();
  });
});
