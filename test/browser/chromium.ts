/** A real Chromium for a test file: launched once, with the flags under which QUIC to loopback works. */
import { chromium, type Browser } from "playwright-core";

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // No machine but this one is found: what the pages need has to come from here.
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
];

export async function launchChromium(): Promise<Browser> {
  const executablePath = process.env["TSWEBTRANSPORT_CHROMIUM"] ?? "/usr/bin/chromium";
  return await chromium.launch({ executablePath, args: flags });
}
