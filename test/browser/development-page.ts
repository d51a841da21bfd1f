/** The development server's page in Chromium, as a person uses it; what goes wrong on it is remembered. */
import type { Browser } from "playwright-core";

import { WatchedPage } from "./watched-page.ts";

export class DevelopmentPage extends WatchedPage {
  static async open(browser: Browser, address: string): Promise<DevelopmentPage> {
    const opened = new DevelopmentPage(await browser.newPage());
    await opened.page.goto(address);
    await opened.page.waitForFunction(() => document.querySelector<HTMLInputElement>("#url")?.value !== "");
    return opened;
  }

  static async connected(browser: Browser, address: string): Promise<DevelopmentPage> {
    const opened = await DevelopmentPage.open(browser, address);
    await opened.page.click("#connect");
    await opened.reaches("connected");
    return opened;
  }

  /** Waits for the session's state. */
  async reaches(state: "connected" | "closed" | "failed"): Promise<void> {
    await this.page.waitForSelector(`#state[data-state="${state}"]`);
  }

  /** Waits for a line of the log. */
  async logs(kind: "info" | "sent" | "echo" | "error", text: string): Promise<void> {
    await this.page.locator(`#log [data-kind="${kind}"]`, { hasText: text }).first().waitFor({ state: "attached" });
  }

  async close(): Promise<void> {
    await this.page.close();
  }
}
