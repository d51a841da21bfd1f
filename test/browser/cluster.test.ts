import { createServer } from "node:http";
import type { Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { certificate, ClusterWorld, steerings } from "../integration/cluster/cluster-world.ts";

describe("Chromium and a cluster of two", () => {
  let browser: Browser;
  let pages: Server;
  let page: Page;

  beforeAll(async () => {
    const { launchChromium } = await import("./chromium.ts");
    // WebTransport exists in secure contexts only, such as a page of this machine.
    pages = createServer((_request, response) =>
      response.setHeader("content-type", "text/html").end("<!doctype html>"),
    );
    pages.listen(0, "localhost");
    await once(pages, "listening");
    browser = await launchChromium();
    page = await browser.newPage();
    await page.goto(`http://localhost:${(pages.address() as AddressInfo).port}/`);
  }, 60_000);
  afterAll(async () => {
    await browser.close();
    pages.close();
  });

  /** Opens so many sessions of "/who", keeps them, and tells who answers on each. */
  async function openSessions(world: ClusterWorld, count: number): Promise<number[]> {
    return await page.evaluate(
      async ({ url, hash, sessions }) => {
        const value = Uint8Array.from(hash);
        const open = async (): Promise<WebTransport> => {
          const transport = new WebTransport(url, { serverCertificateHashes: [{ algorithm: "sha-256", value }] });
          await transport.ready;
          return transport;
        };
        const held = await Promise.all(Array.from({ length: sessions }, open));
        Object.assign(window, { held });
        return (window as unknown as { ask: () => Promise<number[]> }).ask();
      },
      {
        url: `https://127.0.0.1:${world.port}/who`,
        hash: [...certificate.certificateHash.value],
        sessions: count,
      },
    );
  }

  it.each(steerings)(
    "reaches both workers, and stays with its own through a restart, steered by %s",
    async (steering) => {
      await page.evaluate(() => {
        const ask = (): Promise<number[]> =>
          Promise.all(
            (window as unknown as { held: WebTransport[] }).held.map(async (transport) => {
              const stream = await transport.createBidirectionalStream();
              const writer = stream.writable.getWriter();
              await writer.write(new TextEncoder().encode("who?"));
              await writer.close();
              return (JSON.parse(await new Response(stream.readable).text()) as { pid: number }).pid;
            }),
          );
        Object.assign(window, { ask });
      });
      await using world = await ClusterWorld.start({ workers: 2, steering });
      const pids = await openSessions(world, 16);
      // Sixteen connections on one worker: one in 30,000 runs.
      expect(new Set(pids)).toEqual(new Set(world.workers.map(({ pid }) => pid)));
      await world.cluster.restart();
      expect(await page.evaluate(() => (window as unknown as { ask: () => Promise<number[]> }).ask())).toEqual(pids);
      const exits = pids.filter((pid, index) => pids.indexOf(pid) === index);
      const gone = Promise.all(
        exits.map((pid) => world.cluster.waitFor("worker_exited", { condition: (event) => event.pid === pid })),
      );
      await page.evaluate(() => {
        for (const transport of (window as unknown as { held: WebTransport[] }).held) transport.close();
      });
      await gone;
      expect((await openSessions(world, 2)).filter((pid) => pids.includes(pid))).toEqual([]);
    },
  );
});
