import { afterEach, describe, expect, it } from "vitest";

import { generateSelfSignedCertificate } from "../../src/certificates/self-signed.ts";
import { connect } from "../../src/client/connect.ts";
import { WebTransportServer } from "../../src/server/server.ts";
import type { WebTransportSession } from "../../src/transport/session/session.ts";

const window = 65_536;
const servers: WebTransportServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close({ timeout: 0 });
});

/** A session over UDP whose client may send `window` bytes and have 4 streams of a kind open. */
async function session(): Promise<{ client: WebTransportSession; server: WebTransportSession }> {
  const certificate = await generateSelfSignedCertificate({ hostname: "localhost" });
  const server = new WebTransportServer({
    config: {
      cert: certificate.cert,
      key: certificate.key,
      maxSessionBufferSize: window,
      maxIncomingStreams: 4,
      logLevel: "silent",
    },
  });
  servers.push(server);
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  const connecting = connect(`https://127.0.0.1:${port}/`, { insecure: true });
  for await (const incoming of server.incomingSessions()) {
    const accepted = await incoming.accept();
    return { client: await connecting, server: accepted as unknown as WebTransportSession };
  }
  throw new Error("The server has closed");
}

describe("session flow control over UDP", () => {
  it("carries many times the window, while never more than it is unread", async () => {
    const { client, server } = await session();
    expect(server.connection.draft).toBe("draft-15");
    const streams = 12;
    const size = 3 * window;
    const sending = Promise.all(
      Array.from({ length: streams }, async (_, index) => {
        const stream = await client.createUnidirectionalStream();
        await stream.writeAll(new Uint8Array(size).fill(index));
        await stream.writeClosed;
      }),
    );
    let most = 0;
    const received: number[] = [];
    const reading: Promise<void>[] = [];
    for await (const stream of server.incomingUnidirectionalStreams) {
      reading.push(
        (async () => {
          let total = 0;
          for await (const chunk of stream) {
            most = Math.max(most, server.getStats().bufferedBytes);
            total += chunk.byteLength;
          }
          received.push(total);
        })(),
      );
      if (reading.length === streams) break;
    }
    await Promise.all(reading);
    await sending;
    expect(received).toEqual(Array.from({ length: streams }, () => size));
    expect(most).toBeLessThanOrEqual(window);
    await client.close();
  });

  it("lets hundreds of streams come one after the other", async () => {
    const { client, server } = await session();
    const echo = (async () => {
      for await (const stream of server.incomingBidirectionalStreams) {
        void (async () => stream.writeAll(await stream.readAll()))();
      }
    })();
    for (let round = 0; round < 300; round += 1) {
      const stream = await client.createBidirectionalStream();
      await stream.writeAll(`round ${round}`);
      expect(new TextDecoder().decode(await stream.readAll())).toBe(`round ${round}`);
    }
    await client.close();
    await echo;
  });

  it("stops a server's writer, too, until the client has read", async () => {
    const { client, server } = await session();
    const stream = await server.createUnidirectionalStream();
    const size = 20 * 1024 * 1024;
    const written = stream.writeAll(new Uint8Array(size));
    const receiving = await client.incomingUnidirectionalStreams.next();
    let total = 0;
    for await (const chunk of receiving ?? []) total += chunk.byteLength;
    await written;
    expect(total).toBe(size);
    await client.close();
  });
});
