import { afterEach, describe, expect, it } from "vitest";

import { generateSelfSignedCertificate } from "../../src/certificates/self-signed.ts";
import { connect } from "../../src/client/connect.ts";
import { WebTransportServer } from "../../src/server/server.ts";
import type { WebTransportSession } from "../../src/transport/session/session.ts";
import type { ReceiveSide } from "../../src/transport/types.ts";

const servers: WebTransportServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close({ timeout: 0 });
});

/** A session with a server whose limits are the defaults; the client's own limit is none. */
async function session(): Promise<{ client: WebTransportSession; server: WebTransportSession }> {
  const { cert, key } = await generateSelfSignedCertificate({ hostname: "localhost" });
  const server = new WebTransportServer({ config: { cert, key, logLevel: "silent" } });
  servers.push(server);
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  const connecting = connect(`https://127.0.0.1:${port}/`, { insecure: true, maxStreams: 10_000 });
  for await (const incoming of server.incomingSessions()) {
    const accepted = await incoming.accept();
    return { client: await connecting, server: accepted as unknown as WebTransportSession };
  }
  throw new Error("The server has closed");
}

async function sendOne(client: WebTransportSession, index: number): Promise<void> {
  const stream = await client.createUnidirectionalStream();
  await stream.writeAll(`stream ${index}`);
}

async function readText(stream: ReceiveSide): Promise<string> {
  return new TextDecoder().decode(await stream.readAll());
}

/** What the next `count` unidirectional streams have brought. */
async function readStreams(server: WebTransportSession, count: number): Promise<string[]> {
  const texts: Promise<string>[] = [];
  for await (const stream of server.incomingUnidirectionalStreams) {
    texts.push(readText(stream));
    if (texts.length === count) break;
  }
  return Promise.all(texts);
}

const indexes = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const sorted = (texts: readonly string[]): string[] => texts.toSorted();

describe("a burst of streams to a handler with default limits", () => {
  it.each([
    { total: 70, size: 70 },
    { total: 500, size: 50 },
    { total: 500, size: 500 },
    { total: 3000, size: 500 },
  ])("arrives whole: $total, $size at once", async ({ total, size }) => {
    const { client, server } = await session();
    const reading = readStreams(server, total);
    const all = indexes(total);
    for (let sent = 0; sent < total; sent += size) {
      await Promise.all(all.slice(sent, sent + size).map((index) => sendOne(client, index)));
    }
    expect(sorted(await reading)).toEqual(sorted(all.map((index) => `stream ${index}`)));
  });

  it("waits for a handler that takes none yet, and none is refused: 512 of each direction", async () => {
    const { client, server } = await session();
    const all = indexes(512);
    const texts = sorted(all.map((index) => `stream ${index}`));
    await Promise.all(
      all.map(async (index) => {
        const stream = await client.createUnidirectionalStream();
        await stream.writeAll(`stream ${index}`);
        await stream.writeClosed;
      }),
    );
    const asked = await Promise.all(
      all.map(async (index) => {
        const stream = await client.createBidirectionalStream();
        await stream.writeAll(`stream ${index}`);
        await stream.writeClosed;
        return stream;
      }),
    );
    // What is acknowledged has been told.
    expect(server.diagnoseIssues().join()).toContain("1024 incoming streams wait");
    expect(sorted(await readStreams(server, 512))).toEqual(texts);
    for (let count = 0; count < 512; count += 1) {
      const stream = (await server.incomingBidirectionalStreams.next())!;
      await stream.writeAll(await stream.readAll());
    }
    expect(sorted(await Promise.all(asked.map(readText)))).toEqual(texts);
  });
});
