import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { Program } from "../support/program.ts";

import { launchChromium } from "./chromium.ts";
import { DevelopmentPage } from "./development-page.ts";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

describe("the development server's page in Chromium", () => {
  let browser: Browser;
  let server: Program;
  let address: string;
  let opened: DevelopmentPage;

  async function startServer(): Promise<{ program: Program; pageAddress: string }> {
    const program = new Program([main, "dev", "--port", "0", "--page-port", "0"]);
    return { program, pageAddress: (await program.match(/http:\/\/localhost:\d+\//))[0] };
  }

  beforeAll(async () => {
    ({ program: server, pageAddress: address } = await startServer());
    browser = await launchChromium();
  }, 60_000);
  afterEach(async () => {
    const { faults } = opened;
    await opened.close();
    expect(faults).toEqual([]);
  });
  afterAll(async () => {
    await browser.close();
    expect(await server.end("SIGINT")).toBe(0);
  });

  it("is at the address that the server prints, and shows the server's address and hash that it prints", async () => {
    opened = await DevelopmentPage.open(browser, address);
    const [url] = await server.match(/https:\/\/localhost:\d+\/echo/);
    const [hash] = await server.match(/[0-9a-f]{64}/);
    expect(await opened.page.inputValue("#url")).toBe(url);
    expect(await opened.page.textContent("#hash")).toBe(hash);
  });

  it.each([
    ["#send-bidi", "bidirectional stream"],
    ["#send-uni", "unidirectional stream"],
    ["#send-datagram", "datagram"],
  ])("echoes text sent with %s", async (button, how) => {
    opened = await DevelopmentPage.connected(browser, address);
    await opened.page.fill("#text", `grüße ${button}`);
    await opened.page.click(button);
    await opened.logs("sent", `${how}: grüße ${button}`);
    await opened.logs("echo", `${how}: grüße ${button}`);
  });

  it("draws the round trips, and tells them in words", async () => {
    opened = await DevelopmentPage.connected(browser, address);
    await opened.page.waitForFunction(() => {
      const points = document.querySelector("#line")?.getAttribute("d")?.split("L") ?? [];
      return points.length >= 4 && points.every((point) => /^M?\d+\.\d,\d+\.\d$/.test(point));
    });
    expect(await opened.page.textContent("#rtt")).toMatch(/^\d+\.\d ms$/);
    expect(await opened.page.textContent("#rtt-summary")).toMatch(/least \d.*median \d.*most \d/);
    const drawn = await opened.page.locator("#line").boundingBox();
    expect(drawn?.width).toBeGreaterThan(0);
  });

  it("closes, and connects once more", async () => {
    opened = await DevelopmentPage.connected(browser, address);
    await opened.page.click("#close");
    await opened.reaches("closed");
    expect(await opened.page.isDisabled("#send-bidi")).toBe(true);
    await opened.page.click("#connect");
    await opened.reaches("connected");
  });

  it("is used with the keyboard alone", async () => {
    opened = await DevelopmentPage.open(browser, address);
    const { keyboard } = opened.page;
    const focused = () => opened.page.evaluate(() => document.activeElement?.id);
    await keyboard.press("Tab");
    expect(await focused()).toBe("url");
    await keyboard.press("Enter");
    await opened.reaches("connected");
    const order: (string | undefined)[] = [];
    for (let step = 0; step < 6; step += 1) {
      await keyboard.press("Tab");
      order.push(await focused());
    }
    expect(order).toEqual(["close", "text", "send-bidi", "send-uni", "send-datagram", "log-view"]);
    await opened.page.focus("#text");
    await keyboard.type(" from the keyboard");
    await keyboard.press("Enter");
    await opened.logs("echo", "from the keyboard");
    await opened.page.focus("#close");
    await keyboard.press("Space");
    await opened.reaches("closed");
  });

  it("has a name for each of its parts, and roles for what changes", async () => {
    opened = await DevelopmentPage.connected(browser, address);
    const outline = await opened.page.locator("body").ariaSnapshot();
    for (const part of [
      'heading "WebTransport development server" [level=1]',
      "status: Connected",
      'region "Session"',
      'combobox "Address"',
      'button "Connect" [disabled]',
      'button "Close"',
      'region "Send"',
      'textbox "Text"',
      'button "Bidirectional stream"',
      'button "Unidirectional stream"',
      'button "Datagram"',
      'region "Round trip"',
      'img "Datagrams of the last 30 seconds',
      'region "Log"',
      'log "Log"',
    ]) {
      expect(outline).toContain(part);
    }
    expect(await opened.page.getAttribute("html", "lang")).toBe("en");
  });

  it.each([320, 1280])("fits a window of %d pixels", async (width) => {
    opened = await DevelopmentPage.open(browser, address);
    await opened.page.setViewportSize({ width, height: 800 });
    expect(await opened.page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
  });

  it("asks nothing of any server but its own", async () => {
    opened = await DevelopmentPage.connected(browser, address);
    const elsewhere = opened.requests.filter((url) => !url.startsWith(address) && !url.startsWith("data:"));
    expect(elsewhere).toEqual([]);
    expect(opened.requests).toContain(`${address}page.js`);
  });

  it("says that the address is wrong, or has no route", async () => {
    opened = await DevelopmentPage.open(browser, address);
    await opened.page.fill("#url", "http://localhost/");
    await opened.page.click("#connect");
    await opened.reaches("failed");
    const [url] = await server.match(/https:\/\/localhost:\d+\//);
    await opened.page.fill("#url", `${url}nowhere`);
    await opened.page.click("#connect");
    await opened.logs("error", "Opening handshake failed");
    // The browser reports a refused session on the console, too.
    expect(opened.faults.splice(0).join("\n")).toMatch(/^Failed to establish a connection to .*nowhere[^\n]*$/);
  });

  it("closes when its server does, and says so when that one is gone", async () => {
    const { program, pageAddress } = await startServer();
    opened = await DevelopmentPage.connected(browser, pageAddress);
    expect(await program.end("SIGINT")).toBe(0);
    await opened.reaches("closed");
    await opened.page.click("#connect");
    await opened.logs("error", "the development server does not answer");
    expect(opened.faults.splice(0).join("\n")).toMatch(/ERR_CONNECTION_REFUSED/);
  });

  it("connects again by itself when its server has restarted at the same address", async () => {
    const first = await startServer();
    const [, port = ""] = await first.program.match(/https:\/\/localhost:(\d+)\/echo/);
    const pagePort = new URL(first.pageAddress).port;
    opened = await DevelopmentPage.connected(browser, first.pageAddress);
    expect(await first.program.end("SIGINT")).toBe(0);
    await opened.reaches("closed");
    const second = new Program([main, "dev", "--port", port, "--page-port", pagePort]);
    try {
      await opened.logs("info", "the server has restarted");
      await opened.reaches("connected");
      await opened.page.fill("#text", "back again");
      await opened.page.click("#send-bidi");
      await opened.logs("echo", "back again");
      // While nobody listened, the page asked in vain.
      opened.faults.splice(0);
    } finally {
      expect(await second.end("SIGINT")).toBe(0);
    }
  });
});
