// Chromium against a server of the installed package.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { createInterface } from "node:readline";

import { chromium } from "playwright-core";

import { findChromium } from "../../scripts/find-chromium.mjs";

import { environment } from "./runtimes.mjs";

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
];
const timeout = 60_000;

/** Starts the server, lets a page echo over a stream and a datagram, and waits until the server's process has ended. */
export async function echoInBrowser([command, ...args], cwd) {
  const server = spawn(command, args, { cwd, env: environment, stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(server, "exit");
  const page = createServer((_, response) => response.end("<!doctype html>")).listen(0, "localhost");
  const timer = setTimeout(() => server.kill("SIGKILL"), timeout);
  let browser;
  try {
    const [line] = await Promise.race([once(createInterface({ input: server.stdout }), "line"), failed(exited)]);
    browser = await chromium.launch({ executablePath: findChromium(), args: flags });
    const tab = await browser.newPage();
    await tab.goto(`http://localhost:${page.address().port}/`);
    const answer = await tab.evaluate(echo, JSON.parse(line));
    assert.deepEqual(answer, {
      stream: "over a stream",
      datagram: "over a datagram",
      close: { closeCode: 9, reason: "bye" },
    });
  } finally {
    await browser?.close();
    page.close();
    page.closeAllConnections();
    server.stdin.end();
    const [code, signal] = await exited.finally(() => clearTimeout(timer));
    assert.equal(code, 0, `the server has ended with ${signal ?? code}`);
  }
}

async function failed(exited) {
  const [code, signal] = await exited;
  throw new Error(`the server has ended with ${signal ?? code} before it listened`);
}

/** Runs in the page. */
async function echo({ url, hash }) {
  const transport = new window.WebTransport(url, {
    serverCertificateHashes: [{ algorithm: "sha-256", value: new Uint8Array(hash) }],
  });
  await transport.ready;
  const { readable, writable } = await transport.createBidirectionalStream();
  const writer = writable.getWriter();
  await writer.write(new TextEncoder().encode("over a stream"));
  await writer.close();
  const stream = await new window.Response(readable).text();
  const sender = transport.datagrams.writable.getWriter();
  await sender.write(new TextEncoder().encode("over a datagram"));
  const { value } = await transport.datagrams.readable.getReader().read();
  transport.close({ closeCode: 9, reason: "bye" });
  const { closeCode, reason } = await transport.closed;
  return { stream, datagram: new TextDecoder().decode(value), close: { closeCode, reason } };
}
