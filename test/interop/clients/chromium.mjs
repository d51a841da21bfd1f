// The cases in a real Chromium.
import { chromium } from "playwright-core";

import { runInPage, startPageServer } from "./page.mjs";

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export async function runChromium({ executablePath, url, hash, names, values, report }) {
  const page = await startPageServer();
  const browser = await chromium.launch({ executablePath, args: flags });
  try {
    const tab = await browser.newPage();
    await tab.goto(page.url);
    const lines = await tab.evaluate(runInPage, { url, hash, names, values });
    for (const line of lines) report(line);
    return browser.version();
  } finally {
    await browser.close();
    await page.close();
  }
}
