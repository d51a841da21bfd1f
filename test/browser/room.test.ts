import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";

import { Program } from "../support/program.ts";

import { launchChromium } from "./chromium.ts";
import { RoomPage } from "./room-page.ts";

const main = fileURLToPath(new URL("../../examples/room/server.mjs", import.meta.url));

describe("the example of a room, in Chromium", () => {
  let browser: Browser;
  let server: Program;
  let address: string;
  const opened: RoomPage[] = [];
  /** One for each test: the server may not know yet that the last one's pages have gone. */
  let room = "room-0";

  async function startServer(...args: string[]): Promise<{ program: Program; pageAddress: string }> {
    const program = new Program([main, "--port", "0", "--page-port", "0", ...args]);
    return { program, pageAddress: (await program.match(/http:\/\/localhost:\d+\//))[0] };
  }

  async function joined(name: string, at = address): Promise<RoomPage> {
    const page = await RoomPage.joined(browser, at, { name, room });
    opened.push(page);
    return page;
  }

  async function refused(name: string, token = "", at = address): Promise<RoomPage> {
    const page = await RoomPage.open(browser, at, { name, room, token });
    opened.push(page);
    await page.reaches("failed");
    return page;
  }

  beforeAll(async () => {
    ({ program: server, pageAddress: address } = await startServer("--joins", "1000"));
    browser = await launchChromium();
  }, 60_000);
  beforeEach(() => {
    room = `room-${Number(room.slice(5)) + 1}`;
  });
  afterEach(async () => {
    const pages = opened.splice(0);
    for (const page of pages) await page.close();
    expect(pages.flatMap(({ faults }) => faults)).toEqual([]);
  });
  afterAll(async () => {
    await browser.close();
    expect(await server.end("SIGINT")).toBe(0);
  });

  it("shows two pages to each other, and what each says to both", async () => {
    const [ada, bob] = [await joined("Ada"), await joined("Bob")];
    await ada.reads("Bob has joined");
    expect(await ada.people()).toEqual(["Ada", "Bob"]);
    expect(await bob.people()).toEqual(["Ada", "Bob"]);
    await ada.says("Grüße 🌍");
    await bob.says("<b>hello</b>");
    for (const page of [ada, bob]) {
      await page.reads("Ada Grüße 🌍");
      await page.reads("Bob <b>hello</b>");
    }
  });

  it("carries a cursor by datagrams, moved with the pointer or the arrow keys", async () => {
    const [ada, bob] = [await joined("Ada"), await joined("Bob")];
    await ada.reads("Bob has joined");
    await ada.points(25, 75);
    await bob.sees("Ada", 25, 75);
    expect((await ada.datagrams()).sent).toBeGreaterThan(0);
    expect((await bob.datagrams()).received).toBeGreaterThan(0);
    await bob.page.focus("#field");
    await bob.page.keyboard.press("ArrowRight");
    await bob.page.keyboard.press("ArrowUp");
    await ada.sees("Bob", 52, 48);
  });

  it("tells the others of one that leaves, and of a page that is closed", async () => {
    const [ada, bob, cleo] = [await joined("Ada"), await joined("Bob"), await joined("Cleo")];
    await ada.reads("Cleo has joined");
    await bob.page.click("#leave");
    await bob.reaches("left");
    await ada.reads("Bob has left");
    await cleo.close();
    await ada.reads("Cleo has left");
    expect(await ada.people()).toEqual(["Ada"]);
    expect(await ada.page.locator(".cursor").count()).toBe(1);
  });

  it("refuses a bad token, and says so on the page", async () => {
    const page = await refused("Mallory", "eyJhbGciOiJub25lIn0.eyJuYW1lIjoiQWRhIn0.");
    expect(await page.page.textContent("#state")).toMatch(/refuses you/);
    // The browser reports a refused session on the console; it does not tell the status.
    expect(page.faults.splice(0).join("\n")).toMatch(/^Failed to establish a connection[^\n]*$/);
    await vi.waitFor(() => expect(server.errors).toMatch(/WARN 401: the client is not authenticated/));
    expect(server.errors).not.toContain("eyJhbGciOiJub25lIn0");
    await page.join({ name: "Mallory", room });
    await page.reaches("joined");
  });

  it("says that a name is taken, or is none", async () => {
    await joined("Ada");
    const second = await refused("ADA");
    expect(await second.page.textContent("#state")).toBe("ADA is in the room already");
    await second.join({ name: "-", room });
    await second.page.waitForSelector("#state:text('A name is 1 to 24 letters')");
    // The page's own server has answered 400.
    expect(second.faults.splice(0).join("\n")).toMatch(/^Failed to load resource[^\n]*400[^\n]*$/);
  });

  it("refuses joins over the rate limit with 429", async () => {
    const { program, pageAddress } = await startServer("--joins", "2");
    await joined("Ada", pageAddress);
    await joined("Bob", pageAddress);
    const page = await refused("Cleo", "", pageAddress);
    await vi.waitFor(() => expect(program.errors).toMatch(/WARN 429: /));
    expect(page.faults.splice(0).join("\n")).toMatch(/^Failed to establish a connection/);
    for (const each of opened) await each.close();
    expect(await program.end("SIGINT")).toBe(0);
  });

  it("comes back by itself when its session is lost", async () => {
    const { program, pageAddress } = await startServer();
    const [, port = ""] = await program.match(/https:\/\/localhost:(\d+)\//);
    const [ada, bob] = [await joined("Ada", pageAddress), await joined("Bob", pageAddress)];
    expect(await program.end("SIGINT")).toBe(0);
    for (const { page } of [ada, bob]) {
      await page.locator("#state", { hasText: /\. Next try in \d+\.\d s$/ }).waitFor();
    }
    const again = await startServer("--port", port, "--page-port", new URL(pageAddress).port);
    for (const page of [ada, bob]) await page.reaches("joined");
    await ada.says("still here");
    await bob.reads("Ada still here");
    // Tries that failed are on the console.
    for (const page of [ada, bob]) page.faults.splice(0);
    for (const page of opened) await page.close();
    expect(await again.program.end("SIGINT")).toBe(0);
  });

  it("has a name for each of its parts", async () => {
    const { page } = await joined("Ada");
    const outline = await page.locator("body").ariaSnapshot();
    for (const part of [
      'heading "A room over WebTransport" [level=1]',
      "status: In the room",
      'form "Join"',
      'textbox "Name"',
      'textbox "Room"',
      'textbox "Token"',
      'region "Cursors"',
      'group "Cursors"',
      'list "In the room"',
      'region "Chat"',
      'log "Chat"',
      'textbox "Message"',
      'button "Send"',
    ]) {
      expect(outline).toContain(part);
    }
    await page.setViewportSize({ width: 320, height: 800 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
  });
});
