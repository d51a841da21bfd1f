/** The example's page in Chromium, as a person uses it. */
import type { Browser, BrowserContext } from "playwright-core";

import { WatchedPage } from "./watched-page.ts";

export interface Visitor {
  readonly name: string;
  readonly room: string;
  /** Default: a new one. */
  readonly token?: string;
}

export class RoomPage extends WatchedPage {
  /** Opens the page and asks to join. */
  static async open(browser: Browser | BrowserContext, address: string, visitor: Visitor): Promise<RoomPage> {
    const opened = new RoomPage(await browser.newPage());
    await opened.page.goto(address);
    await opened.join(visitor);
    return opened;
  }

  static async joined(browser: Browser | BrowserContext, address: string, visitor: Visitor): Promise<RoomPage> {
    const opened = await RoomPage.open(browser, address, visitor);
    await opened.reaches("joined");
    return opened;
  }

  async join({ name, room, token = "" }: Visitor): Promise<void> {
    await this.page.fill("#room", room);
    await this.page.fill("#name", name);
    await this.page.fill("#token", token);
    await this.page.click("#join");
  }

  async reaches(state: "joined" | "left" | "failed"): Promise<void> {
    await this.page.waitForSelector(`#state[data-state="${state}"]`);
  }

  async says(text: string): Promise<void> {
    await this.page.fill("#text", text);
    await this.page.press("#text", "Enter");
  }

  /** Waits for a line of the chat. */
  async reads(text: string): Promise<void> {
    await this.page.locator("#lines li", { hasText: text }).first().waitFor({ state: "attached" });
  }

  /** Waits for a cursor of another to be, in percent of the field, where it is expected. */
  async sees(name: string, left: number, top: number): Promise<void> {
    await this.page.waitForFunction(
      ([of, x, y]) => {
        const cursor = document.querySelector<HTMLElement>(`.cursor[data-name="${of}"]:not([hidden])`);
        const isNear = (at: string, expected: number): boolean => Math.abs(Number.parseFloat(at) - expected) < 1;
        return cursor !== null && isNear(cursor.style.left, x) && isNear(cursor.style.top, y);
      },
      [name, left, top] as const,
    );
  }

  /** Moves the pointer to a place of the field, in percent. */
  async points(left: number, top: number): Promise<void> {
    const box = await this.page.locator("#field").boundingBox();
    if (box === null) throw new Error("The field is not shown");
    await this.page.mouse.move(box.x + (box.width * left) / 100, box.y + (box.height * top) / 100);
  }

  async datagrams(): Promise<{ sent: number; received: number }> {
    const [sent = NaN, received = NaN] = ((await this.page.textContent("#datagrams")) ?? "").match(/\d+/g) ?? [];
    return { sent: Number(sent), received: Number(received) };
  }

  async people(): Promise<string[]> {
    return await this.page.locator("#people li").allTextContents();
  }

  async close(): Promise<void> {
    await this.page.close({ runBeforeUnload: false });
  }
}
