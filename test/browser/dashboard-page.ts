/** The monitor's dashboard in Chromium, as a person uses it; what goes wrong on it is remembered. */
import type { Browser, BrowserContextOptions, Locator } from "playwright-core";

import { WatchedPage } from "./watched-page.ts";

interface Recorded {
  readonly pointTimes: number[];
}

export class DashboardPage extends WatchedPage {
  static async open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<DashboardPage> {
    const opened = new DashboardPage(await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options }));
    await opened.page.addInitScript(() => {
      const recorded: number[] = [];
      Object.assign(window, { pointTimes: recorded });
      const Original = window.EventSource;
      window.EventSource = class extends Original {
        constructor(address: string | URL) {
          super(address);
          this.addEventListener("update", (event: MessageEvent<string>) => {
            for (const [time] of (JSON.parse(event.data) as { points: number[][] }).points) recorded.push(time!);
          });
        }
      };
    });
    await opened.page.goto(url);
    return opened;
  }

  static async live(browser: Browser, url: string, options?: BrowserContextOptions): Promise<DashboardPage> {
    const opened = await DashboardPage.open(browser, url, options);
    await opened.isLive();
    return opened;
  }

  async isLive(): Promise<void> {
    await this.page.waitForSelector('#feed[data-state="live"]');
  }

  /** Of every point that has arrived. */
  async pointTimes(): Promise<number[]> {
    return this.page.evaluate(() => (window as unknown as Recorded).pointTimes);
  }

  /** Of the rows that are shown, by the column's title. */
  async column(title: string): Promise<string[]> {
    const titles = (await this.page.locator("#sessions thead th").allInnerTexts()).map((text) => text.trim());
    const place = titles.indexOf(title) + 1;
    return this.page.locator(`#sessions tbody td:nth-child(${place})`).allInnerTexts();
  }

  /** Waits until the line below the table says so. */
  async counts(text: string): Promise<void> {
    await this.page.locator("#sessions-count", { hasText: text }).waitFor();
  }

  head(title: string): Locator {
    return this.page.locator("#sessions thead th", { hasText: title });
  }

  /** Sorts by the column, and waits for its rows. */
  async sortBy(title: string): Promise<void> {
    await this.head(title).locator("button").click();
    await this.page.waitForSelector('#sessions[aria-busy="false"]');
  }

  async close(): Promise<void> {
    await this.page.close();
  }
}
