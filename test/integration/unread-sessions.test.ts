import { afterEach, describe, expect, it } from "vitest";

import { generateSelfSignedCertificate } from "../../src/certificates/self-signed.ts";
import { nativeEngine } from "../../src/engine/native/native-engine.ts";
import { WebTransportServer } from "../../src/server/server.ts";
import { controlStreamPreamble } from "../../src/protocol/options.ts";
import { makeConnection } from "../../src/transport/connection/make-connection.ts";
import type { WebTransportSession } from "../../src/transport/session/session.ts";

const MiB = 1024 * 1024;
const servers: WebTransportServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close({ timeout: 0 });
});

interface Ends {
  readonly client: WebTransportSession;
  readonly server: WebTransportSession;
}

/** Two sessions of one connection over UDP, with a server of default options. */
async function twoSessions(): Promise<[Ends, Ends, () => Promise<unknown>]> {
  const certificate = await generateSelfSignedCertificate({ hostname: "localhost" });
  const { cert, key } = certificate;
  const server = new WebTransportServer({ config: { cert, key, logLevel: "silent" } });
  servers.push(server);
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  const endpoint = await nativeEngine().createEndpoint(
    { host: "127.0.0.1", port: 0, transport: { preamble: [controlStreamPreamble()] } },
    {
      connection: () => {
        throw new Error("A client was connected to");
      },
      failed: () => {},
    },
  );
  const connection = makeConnection({
    role: "client",
    quic: (listener) =>
      endpoint.connect(
        {
          address: { host: "127.0.0.1", port },
          serverName: "localhost",
          alpn: ["h3"],
          verification: { kind: "insecure" },
        },
        listener,
      ),
  });
  const incoming = server.incomingSessions()[Symbol.asyncIterator]();
  const open = async (): Promise<Ends> => {
    const opening = connection.openSession({ url: `https://localhost:${port}/` });
    const next = await incoming.next();
    if (next.done === true) throw new Error("The server has closed");
    const accepted = await next.value.accept();
    return { client: await opening, server: accepted as unknown as WebTransportSession };
  };
  return [
    await open(),
    await open(),
    async () => Promise.all([connection.close({ abort: true }), endpoint.close(0n, "")]),
  ];
}

async function fill({ client }: Ends, streams: number): Promise<void> {
  for (let index = 0; index < streams; index += 1) {
    const stream = await client.createUnidirectionalStream();
    stream.writeAll(new Uint8Array(MiB)).catch(() => {});
  }
}

/** Resolves when the server holds so much of the session unread, which no event tells. */
async function unread({ server }: Ends, bytes: number): Promise<void> {
  for (;;) {
    const { streams } = server.debugState() as { readonly streams: readonly { readonly bytesUnread: number }[] };
    if (streams.reduce((sum, { bytesUnread }) => sum + bytesUnread, 0) >= bytes) return;
    await new Promise(setImmediate);
  }
}

async function echo({ client, server }: Ends, size: number): Promise<void> {
  const stream = await client.createBidirectionalStream();
  const writing = stream.writeAll(new Uint8Array(size));
  const incoming = await server.incomingBidirectionalStreams.next();
  if (incoming === null) throw new Error("The session has ended");
  const answering = (async () => {
    for await (const chunk of incoming) await incoming.write(chunk);
    incoming.finish();
  })();
  expect((await stream.readAll()).byteLength).toBe(size);
  await Promise.all([writing, answering]);
}

describe("a session that is not read, over UDP and with default options", () => {
  it("holds up neither its neighbour nor, with 14 full streams, itself; with 16 it names them", async () => {
    const [full, other, close] = await twoSessions();
    await fill(full, 14);
    await unread(full, 14 * MiB - 64 * 1024);
    await echo(full, 3 * MiB);
    await echo(other, 10 * MiB);
    await fill(full, 3);
    while (full.server.diagnoseIssues().length === 0) await new Promise(setImmediate);
    await echo(other, 10 * MiB);
    expect(full.server.diagnoseIssues()).toEqual([
      expect.stringMatching(
        /^Session \S+ holds 1[456]\.\d MiB of 16\.0 MiB unread \(maxSessionBufferSize\), so its streams wait: stream \d+ holds 1\.0 MiB, /,
      ),
    ]);
    expect(other.server.diagnoseIssues()).toEqual([]);
    await close();
  });
});
