import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect, type WebTransportSession } from "../../../src/client/index.ts";
import { ServerProcess, startClientProcess } from "./server-process.ts";

const megabyte = 1_000_000;

describe("a server process over UDP", () => {
  let server: ServerProcess;

  beforeAll(async () => {
    server = await ServerProcess.start();
  });
  afterAll(async () => {
    expect(await server.close()).toBe(0);
  });

  async function open(path: string): Promise<WebTransportSession> {
    return await connect(`https://127.0.0.1:${String(server.port)}${path}`, {
      serverCertificateHashes: server.certificateHashes,
    });
  }

  it("serves 100 sessions at once", async () => {
    const sessions = await Promise.all(Array.from({ length: 100 }, async () => await open("/echo")));
    const echoes = await Promise.all(
      sessions.map(async (session, index) => {
        const stream = await session.createBidirectionalStream();
        await stream.writeAll(`session ${String(index)}`);
        return new TextDecoder().decode(await stream.readAll());
      }),
    );
    expect(echoes).toEqual(sessions.map((_, index) => `session ${String(index)}`));
    await Promise.all(sessions.map(async (session) => await session.close()));
    await server.until(({ stats }) => stats.sessions === 0 && stats.connections === 0);
  }, 60_000);

  it("takes and gives 200 MB on one stream each with flat memory", async () => {
    const session = await open("/sink");
    const warm = await upload(session, 20 * megabyte);
    expect(warm).toBe(20 * megabyte);
    const before = await server.report();
    expect(await upload(session, 200 * megabyte)).toBe(200 * megabyte);
    const source = await open("/source");
    expect(await download(source, 200 * megabyte)).toBe(200 * megabyte);
    const after = await server.report();
    expect(after.residentBytes - before.residentBytes).toBeLessThan(32 * 1024 * 1024);
    await Promise.all([session.close(), source.close()]);
  }, 180_000);

  it("is stopped by a reader that pauses, and loses nothing", async () => {
    const session = await open("/paused");
    const stream = await session.createBidirectionalStream();
    const chunk = new Uint8Array(64 * 1024);
    let accepted = 0;
    let blocked = false;
    while (!blocked) {
      const written = stream.write(chunk);
      accepted += chunk.length;
      blocked = await Promise.race([written.then(() => false), stalled(session)]);
      if (blocked) {
        server.resumePausedReader();
        await written;
      }
    }
    expect(accepted).toBeLessThan(16 * megabyte);
    stream.finish();
    expect(new TextDecoder().decode(await stream.readAll())).toBe(String(accepted));
    await session.close();
  }, 60_000);

  it("notices a killed client and keeps nothing of it", async () => {
    const client = startClientProcess(server);
    await once(client, "message");
    client.kill("SIGKILL");
    await once(client, "exit");
    await server.until(({ stats }) => stats.sessions === 0 && stats.connections === 0 && stats.streams === 0);
  }, 120_000);
});

async function upload(session: WebTransportSession, size: number): Promise<number> {
  const stream = await session.createBidirectionalStream();
  const chunk = new Uint8Array(100_000);
  for (let sent = 0; sent < size; sent += chunk.length) await stream.write(chunk);
  stream.finish();
  return Number(new TextDecoder().decode(await stream.readAll()));
}

async function download(session: WebTransportSession, size: number): Promise<number> {
  const stream = await session.createBidirectionalStream();
  await stream.writeAll(String(size));
  let received = 0;
  for await (const chunk of stream) received += chunk.byteLength;
  return received;
}

/** True when the engine's congestion and flow control have let nothing more pass for several round trips. */
async function stalled(session: WebTransportSession): Promise<boolean> {
  let sent = -1;
  for (let still = 0; still < 20;) {
    const now = session.connection.getStats().bytesSent;
    still = now === sent ? still + 1 : 0;
    sent = now;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return true;
}
