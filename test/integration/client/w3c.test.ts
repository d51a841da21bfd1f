import { afterEach, beforeAll, describe, expect, it } from "vitest";

import { generateSelfSignedCertificate } from "../../../src/certificates/self-signed.ts";
import type { SelfSignedCertificate } from "../../../src/certificates/self-signed.ts";
import { connect } from "../../../src/client/index.ts";
import type { ClientConfigOptions } from "../../../src/client/index.ts";
import type { ServerConfigOptions } from "../../../src/config/server-config.ts";
import { ServerApp } from "../../../src/server/index.ts";
import type { SessionHandler } from "../../../src/server/index.ts";
import type { WebTransportReceiveStream } from "../../../src/transport/streams/receive-stream.ts";
import { Deferred } from "../../../src/async/promises.ts";
import { WebTransport, WebTransportError } from "../../../src/w3c/index.ts";
import type { WebTransportWriter } from "../../../src/w3c/index.ts";

import { failure, first, readText } from "../wpt/streams.ts";

async function readToError(stream: WebTransportReceiveStream | null): Promise<[bytes: Buffer, error: unknown]> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of stream ?? []) chunks.push(chunk);
    throw new Error("The stream has ended without an error");
  } catch (error) {
    return [Buffer.concat(chunks), error];
  }
}

describe("the W3C's WebTransport against a server of this package", () => {
  let certificate: SelfSignedCertificate;
  let app: ServerApp | undefined;

  beforeAll(async () => {
    certificate = await generateSelfSignedCertificate();
  });
  afterEach(async () => {
    await app?.close({ timeout: 0 });
  });

  async function open(
    handler: SessionHandler,
    config: ServerConfigOptions = {},
    clientConfig: ClientConfigOptions = {},
  ): Promise<WebTransport> {
    const { cert, key, certificateHash } = certificate;
    app = new ServerApp({ config: { cert, key, logLevel: "silent", ...config } });
    app.route("/", { protocols: ["chat.v1"] }, handler);
    const { port } = await app.listen({ host: "127.0.0.1", port: 0 });
    return new WebTransport(`https://127.0.0.1:${port}/`, {
      serverCertificateHashes: [certificateHash],
      protocols: ["chat.v2", "chat.v1"],
      config: clientConfig,
    });
  }

  it("shows the subprotocol that the server has chosen", async () => {
    const transport = await open((session) => session.closed);
    expect(transport.protocol).toBe("");
    await transport.ready;
    expect(transport.protocol).toBe("chat.v1");
    transport.close();
  });

  it("lets what the server had finished be read after the server has closed the session", async () => {
    const transport = await open(async (session) => {
      for (const text of ["one", "two"]) await (await session.createUnidirectionalStream()).writeAll(text);
      await session.datagrams.send("datagram");
    });
    expect(await transport.closed).toEqual({ closeCode: 0, reason: "" });
    const reader = transport.incomingUnidirectionalStreams.getReader();
    const texts: string[] = [];
    for (let next = await reader.read(); !next.done; next = await reader.read()) texts.push(await readText(next.value));
    expect(texts.sort()).toEqual(["one", "two"]);
    const datagrams = transport.datagrams.readable.getReader();
    expect((await datagrams.read()).value).toEqual(Uint8Array.from(Buffer.from("datagram")));
    expect((await datagrams.read()).done).toBe(true);
  });

  it("rejects with QuotaExceededError when the server allows no further stream, or waits for one", async () => {
    const transport = await open(
      async (session) => {
        for await (const stream of session.incomingBidirectionalStreams) await stream.writeAll(await stream.readAll());
      },
      { maxIncomingStreams: 1 },
    );
    const held = [await transport.createBidirectionalStream()];
    let refused: unknown;
    while (refused === undefined) {
      await transport.createBidirectionalStream().then(
        (stream) => held.push(stream),
        (error: unknown) => (refused = error),
      );
    }
    expect(refused).toMatchObject({ name: "QuotaExceededError" });
    const waiting = transport.createBidirectionalStream({ waitUntilAvailable: true });
    for (const { readable, writable } of held) {
      await writable.close();
      await readText(readable);
    }
    await (await waiting).writable.close();
    transport.close();
  });

  it("refuses an atomic write behind bytes that wait to be sent", async () => {
    const transport = await open((session) => session.closed);
    const writer = (await transport.createUnidirectionalStream()).getWriter();
    await writer.atomicWrite(new Uint8Array(1000));
    void writer.write(new Uint8Array(4 * 1024 * 1024));
    expect(await failure(writer.atomicWrite(new Uint8Array(1)))).toMatchObject({ name: "AbortError" });
    writer.commit();
    transport.close();
    expect(await failure(writer.closed)).toMatchObject({ name: "AbortError" });
  });

  describe("delivers what was committed before an abort, and then its code", () => {
    /** What a server reads that begins when the client has aborted: the bytes, and the error behind them. */
    async function abort(write: (writer: WebTransportWriter) => Promise<void>): Promise<[Buffer, unknown]> {
      const aborted = new Deferred<void>();
      const read = new Deferred<[Buffer, unknown]>();
      const transport = await open(async (session) => {
        const stream = await session.incomingUnidirectionalStreams.next();
        await aborted.promise;
        read.resolve(await readToError(stream));
        await session.closed;
      });
      const writer = (await transport.createUnidirectionalStream()).getWriter();
      await write(writer);
      await writer.abort(new WebTransportError("", { streamErrorCode: 5 }));
      aborted.resolve();
      const result = await read.promise;
      transport.close();
      return result;
    }

    it("of one packet", async () => {
      const [bytes, error] = await abort(async (writer) => {
        await writer.write(Buffer.from("committed"));
        writer.commit();
      });
      expect(bytes.toString()).toBe("committed");
      expect(error).toMatchObject({ name: "StreamError", streamErrorCode: 5 });
    });

    it("of more than the stream's window, without what was written behind it", async () => {
      const committed = Buffer.from(Uint8Array.from({ length: 3 * 1024 * 1024 }, (_, index) => index % 251));
      const [bytes, error] = await abort(async (writer) => {
        await writer.write(committed.subarray(0, 9));
        void writer.write(committed.subarray(9));
        writer.commit();
        void writer.write(Buffer.from("taken back"));
      });
      expect(bytes.equals(committed)).toBe(true);
      expect(error).toMatchObject({ name: "StreamError", streamErrorCode: 5 });
    });
  });

  it("reads and writes without a time limit, whatever its configuration says", async () => {
    const config = { readTimeout: 20, writeTimeout: 20 };
    const bytes = new Uint8Array(8_000_000);
    const isLate = new Deferred<undefined>();
    const handler: SessionHandler = async (session) => {
      for await (const stream of session.incomingBidirectionalStreams) {
        await isLate.promise;
        await stream.writeAll(String((await stream.readAll()).byteLength));
      }
    };
    const transport = await open(handler, {}, config);
    const { readable, writable } = await transport.createBidirectionalStream();
    const answer = readText(readable);
    const writer = writable.getWriter();
    const written = writer.write(bytes);
    const closed = writer.close();

    // A session whose configuration holds tells when it is late for both.
    const session = await connect(`https://127.0.0.1:${app?.server.localAddress?.port}/`, {
      serverCertificateHashes: [certificate.certificateHash],
      ...config,
    });
    const stream = await session.createBidirectionalStream();
    const late = { name: "TimeoutError" };
    await Promise.all([
      expect(stream.read()).rejects.toMatchObject(late),
      expect(stream.write(bytes)).rejects.toMatchObject(late),
    ]);
    await session.close({ abort: true });
    isLate.resolve(undefined);

    await Promise.all([written, closed]);
    expect(await answer).toBe("8000000");
    transport.close();
  });

  it("says in `cause` why there is no session", async () => {
    const transport = await open((session) => session.closed);
    transport.close();
    const missing = new WebTransport("https://nobody.invalid/");
    expect(await failure(missing.ready)).toMatchObject({
      name: "WebTransportError",
      source: "session",
      cause: { code: "ERR_WT_LOOKUP_FAILED", handshakeStage: "dns" },
    });
  });

  it("reads a stream of the server's as it comes", async () => {
    const transport = await open(async (session) => {
      const stream = await session.createBidirectionalStream();
      await stream.write("question");
      expect(new TextDecoder().decode(await stream.readAll())).toBe("answer");
      await session.close({ code: 7, reason: "thanks" });
    });
    const { readable, writable } = await first(transport.incomingBidirectionalStreams);
    const reader = readable.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("question");
    const writer = writable.getWriter();
    await writer.write(new TextEncoder().encode("answer"));
    await writer.close();
    expect(await transport.closed).toEqual({ closeCode: 7, reason: "thanks" });
  });
});
