import { readFile } from "node:fs/promises";

import { answer } from "../http/exchange.ts";
import type { Exchange } from "../http/exchange.ts";

const html = "text/html; charset=utf-8";
const css = "text/css; charset=utf-8";
const script = "text/javascript; charset=utf-8";

/** The page's files by the names in their URLs. uPlot is copied beside them when the package is built. */
const assets: Readonly<Record<string, readonly [file: string, type: string]>> = {
  "dashboard.css": ["page/dashboard.css", css],
  "plots.css": ["page/plots.css", css],
  "tables.css": ["page/tables.css", css],
  "login.css": ["page/login.css", css],
  "narrow.css": ["page/narrow.css", css],
  "icon.svg": ["page/icon.svg", "image/svg+xml"],
  "main.js": ["page/main.js", script],
  "dom.js": ["page/dom.js", script],
  "feed.js": ["page/feed.js", script],
  "format.js": ["page/format.js", script],
  "health.js": ["page/health.js", script],
  "plots.js": ["page/plots.js", script],
  "session-detail.js": ["page/session-detail.js", script],
  "session-table.js": ["page/session-table.js", script],
  "workers.js": ["page/workers.js", script],
  "uplot.js": ["uplot/uplot.js", script],
  "uplot.css": ["uplot/uplot.css", css],
};

/** Nothing but its own files; no script or style in the page itself. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

export async function answerAsset(exchange: Exchange, name: string): Promise<void> {
  const asset = Object.hasOwn(assets, name) ? assets[name] : undefined;
  if (asset === undefined) {
    answer(exchange, 404, "Not found\n");
    return;
  }
  const [file, type] = asset;
  answer(exchange, 200, await read(file), { "content-type": type });
}

export async function answerDashboard(exchange: Exchange): Promise<void> {
  answerPage(exchange, await read("page/dashboard.html"));
}

/** `isWrong`: what was typed before was not the token. */
export async function answerLogin(exchange: Exchange, isWrong: boolean): Promise<void> {
  const page = await read("page/login.html");
  answerPage(exchange, isWrong ? page.replace(' role="alert" hidden', ' role="alert"') : page);
}

function answerPage(exchange: Exchange, page: string): void {
  answer(exchange, 200, page, { "content-type": html, "content-security-policy": policy });
}

function read(file: string): Promise<string> {
  return readFile(new URL(file, import.meta.url), "utf8");
}
