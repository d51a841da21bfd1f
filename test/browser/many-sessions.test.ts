import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { createDevelopmentServer } from "../../src/server/development/development-server.ts";
import type { DevelopmentServer } from "../../src/server/development/development-server.ts";
import { echoHandler } from "../../src/server/handlers.ts";

import { launchChromium } from "./chromium.ts";

describe("one page of Chromium", () => {
  let browser: Browser;
  let server: DevelopmentServer;

  beforeAll(async () => {
    server = createDevelopmentServer({ port: 0, pagePort: 0, config: { accessLog: false, logLevel: "error" } });
    server.route("/echo", echoHandler);
    await server.listen();
    browser = await launchChromium();
  }, 60_000);
  afterAll(async () => {
    await browser.close();
    await server.close({ timeout: 0 });
  });

  it("holds 100 sessions at once, each with its own echo", async () => {
    const page = await browser.newPage();
    await page.goto(server.pageUrl!);
    const open = server.server;
    const echoes = await page.evaluate(
      async ({ url, hash }) => {
        const value = Uint8Array.from(hash.match(/../g)!, (byte) => Number.parseInt(byte, 16));
        const sessions: WebTransport[] = [];
        // Chromium lets 64 sessions of a page be in their handshakes at a time.
        for (let group = 0; group < 2; group += 1) {
          const connecting = Array.from(
            { length: 50 },
            () => new WebTransport(url, { serverCertificateHashes: [{ algorithm: "sha-256", value }] }),
          );
          await Promise.all(connecting.map((session) => session.ready));
          sessions.push(...connecting);
        }
        Object.assign(window, { sessions });
        return await Promise.all(
          sessions.map(async (session, number) => {
            const stream = await session.createBidirectionalStream();
            const writer = stream.writable.getWriter();
            await writer.write(new TextEncoder().encode(`session ${number}`));
            await writer.close();
            return await new Response(stream.readable).text();
          }),
        );
      },
      { url: server.url, hash: server.certificateHash! },
    );
    expect(echoes).toEqual(Array.from({ length: 100 }, (_, number) => `session ${number}`));
    expect(open.getServerStats().sessions).toBe(100);
    const ended = new Promise<void>((resolve) => {
      open.on("session_closed", () => {
        if (open.getServerStats().sessions === 0) resolve();
      });
    });
    await page.evaluate(() => {
      const { sessions } = window as unknown as { sessions: WebTransport[] };
      for (const session of sessions) session.close({ closeCode: 7, reason: "all at once" });
    });
    await ended;
    await page.close();
  }, 60_000);
});
