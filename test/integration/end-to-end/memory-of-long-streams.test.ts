import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { ServerProcess } from "./server-process.ts";

const megabyte = 1_000_000;
const chunk = new Uint8Array(100_000);

describe("200 MB on one stream", () => {
  let server: ServerProcess;

  beforeAll(async () => {
    server = await ServerProcess.start();
  });
  afterAll(async () => {
    expect(await server.close()).toBe(0);
  });

  async function upload(size: number): Promise<void> {
    const session = await server.connect("/upload");
    const stream = await session.createBidirectionalStream();
    for (let sent = 0; sent < size; sent += chunk.length) await stream.write(chunk);
    stream.finish();
    expect(new TextDecoder().decode(await stream.readAll())).toBe(String(size));
    await session.close();
  }

  async function download(size: number): Promise<void> {
    const session = await server.connect("/download");
    const stream = await session.createBidirectionalStream();
    await stream.writeAll(String(size));
    let received = 0;
    for await (const bytes of stream) received += bytes.byteLength;
    expect(received).toBe(size);
    await session.close();
  }

  it.each([
    ["up", upload],
    ["down", download],
  ])(
    "%s leave the server's resident size flat",
    async (_, transfer) => {
      // What the first bytes make the process grow to is what it needs, not what it leaks.
      await transfer(20 * megabyte);
      const before = await server.report();
      await transfer(200 * megabyte);
      const after = await server.report();
      expect(after.residentBytes - before.residentBytes).toBeLessThan(32 * 1024 * 1024);
    },
    180_000,
  );
});
