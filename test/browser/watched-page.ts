/** A page of Chromium; what goes wrong on it, and what it asks for, is remembered. */
import type { Page } from "playwright-core";

export class WatchedPage {
  readonly page: Page;
  /** Errors and warnings of the console, and exceptions. */
  readonly faults: string[] = [];
  /** Everything that was asked of any server. */
  readonly requests: string[] = [];

  protected constructor(page: Page) {
    this.page = page;
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.faults.push(message.text());
    });
    page.on("pageerror", (error) => this.faults.push(String(error)));
    page.on("request", (request) => this.requests.push(request.url()));
  }
}
