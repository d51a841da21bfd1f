import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchChromium } from "./chromium.ts";
import { Program } from "../support/program.ts";

const main = fileURLToPath(new URL("../../dist/cli/development-main.js", import.meta.url));

describe("the development server's page in Chromium", () => {
  let browser: Browser;
  let server: Program;
  let pageAddress: string;

  beforeAll(async () => {
    server = new Program([main, "--port", "0", "--page-port", "0"]);
    pageAddress = (await server.match(/http:\/\/localhost:\d+\/?/))[0];
    browser = await launchChromium();
  }, 60_000);

  afterAll(async () => {
    await browser.close();
    expect(await server.end("SIGINT")).toBe(0);
  });

  async function connectedPage(): Promise<Page> {
    const page = await browser.newPage();
    await page.goto(pageAddress);
    await page.click("#connect");
    await page.waitForFunction(() => document.querySelector("#state")?.textContent.toLowerCase().includes("connected"));
    return page;
  }

  it("prints the page's address, the server's address and the certificate's hash", async () => {
    await server.match(/https:\/\/localhost:\d+/);
    await server.match(/[0-9a-f]{64}|(?:[0-9a-f]{2}:){31}[0-9a-f]{2}|[A-Za-z0-9+/]{43}=/i);
  });

  it.each([
    ["#send-bidi", "a bidirectional stream"],
    ["#send-uni", "a unidirectional stream"],
    ["#send-datagram", "a datagram"],
  ])("echoes text sent with %s over %s", async (button, how) => {
    const page = await connectedPage();
    const text = `over ${how} – ${button}`;
    await page.fill("#text", text);
    await page.click(button);
    await page.waitForFunction(
      (wanted) =>
        [...document.querySelectorAll("#log li")].some(
          (item) => item.getAttribute("data-kind")?.includes("echo") === true && item.textContent.includes(wanted),
        ),
      text,
    );
    await page.close();
  });

  it("shows round-trip times and closes", async () => {
    const page = await connectedPage();
    await page.waitForFunction(() => /\d/.test(document.querySelector("#rtt")?.textContent ?? ""));
    await page.click("#close");
    await page.waitForFunction(() => document.querySelector("#state")?.textContent.toLowerCase().includes("closed"));
    await page.close();
  });
});
