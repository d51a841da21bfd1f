import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { codeBlocks, fileName } from "../docs/code-blocks.ts";
import { compile, root } from "../docs/compile.ts";
import { Program } from "../support/program.ts";

import { launchChromium } from "./chromium.ts";
import { DevelopmentPage } from "./development-page.ts";

const file = "docs/first-steps.md";
const blocks = codeBlocks(readFileSync(join(root, file), "utf8"), file).filter(({ language }) => language === "ts");

/** Compiled programs of the page by their names. */
function compilePage(): Map<string, string> {
  const { faults, programs } = compile(blocks, "first-steps");
  expect(faults).toEqual([]);
  return new Map([...programs].map(([block, path]) => [fileName(block), path]));
}

/** Writes a program beside the page's, and starts it. */
function start(beside: string, code: string): Program {
  const path = join(dirname(beside), "main.js");
  writeFileSync(path, code);
  return new Program([path]);
}

describe("the first steps, as the documentation has them, in Chromium", () => {
  let browser: Browser;
  let programs: Map<string, string>;
  beforeAll(async () => {
    programs = compilePage();
    browser = await launchChromium();
  });
  afterAll(() => browser.close());

  it("a development server's page echoes", async () => {
    const first = blocks.find((block) => block.code.includes("createDevelopmentServer()"))!;
    const dev = programs.get(fileName(first))!;
    const asWritten = readFileSync(dev, "utf8");
    const code = asWritten.replace("createDevelopmentServer()", "createDevelopmentServer({ port: 0, pagePort: 0 })");
    expect(code).not.toBe(asWritten);
    const server = start(dev, code);
    const [address] = await server.match(/http:\/\/localhost:\d+\//);
    const opened = await DevelopmentPage.connected(browser, address);
    await opened.page.fill("#text", "first steps");
    await opened.page.click("#send-bidi");
    await opened.logs("echo", "bidirectional stream: first steps");
    await opened.page.click("#send-datagram");
    await opened.logs("echo", "datagram: first steps");
    expect(opened.faults).toEqual([]);
    await opened.close();
    expect(await server.end("SIGINT")).toBe(0);
  });

  it("a page of one's own gets its answers", async () => {
    const code = 'import { start } from "./server.js"; console.log((await start(0, 0)).pageUrl);';
    const server = start(programs.get("server.ts")!, code);
    const [address] = await server.match(/http:\/\/localhost:\d+\//);
    const page = await browser.newPage();
    await page.goto(address);
    await page.fill("input", "hello");
    // Nothing is sent before the session is established: the form's handler comes with it.
    await page.waitForFunction(() => document.querySelector("form")?.onsubmit !== null);
    await page.press("input", "Enter");
    await page.waitForFunction(() => document.querySelector("pre")?.textContent === "ann said: hello\n");
    await page.close();
    await server.end("SIGKILL");
  });
});
