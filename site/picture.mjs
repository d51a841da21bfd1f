// `node site/picture.mjs`: takes docs/images/development-page.png, a picture of the development page at work, with Chromium.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { chromium } from "playwright-core";

import { findChromium } from "../scripts/find-chromium.mjs";
import { root } from "./pages.mjs";

const server = spawn(process.execPath, [join(root, "dist/cli/development-main.js")], {
  stdio: ["ignore", "pipe", "ignore"],
});
const browser = await chromium.launch({
  executablePath: findChromium(),
  args: ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"],
});
try {
  const page = await browser.newPage({ viewport: { width: 880, height: 900 }, colorScheme: "light" });
  await page.goto(await pageAddress());
  await page.click("#connect");
  await page.waitForSelector('#state[data-state="connected"]');
  await page.click("#send-bidi");
  await page.fill("#text", "A datagram may be lost, but never waits");
  await page.click("#send-datagram");
  await page.waitForFunction(`document.querySelector("#line").getAttribute("d").split("L").length > 24`);
  await page.screenshot({ path: join(root, "docs/images/development-page.png") });
} finally {
  await browser.close();
  server.kill("SIGINT");
  await once(server, "exit");
}

async function pageAddress() {
  for await (const line of createInterface({ input: server.stdout })) {
    const [address] = /http:\/\/localhost:\d+\//.exec(line) ?? [];
    if (address !== undefined) return address;
  }
  throw new Error("The development server has not started: is its port in use?");
}
