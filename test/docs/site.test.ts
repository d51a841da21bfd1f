import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, posix } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { ErrorCodes, errorCatalogue } from "../../src/index.ts";
import { checkSite } from "../../site/check-site.mjs";
import { comparisonPage, readResults } from "../../site/comparison.mjs";
import { errorCodesPage } from "../../site/error-codes.mjs";
import { errorTexts, warningTexts } from "../../site/error-texts.mjs";
import { entryPoints, readNavigation, sidebar, siteMarkdown, sitePages } from "../../site/pages.mjs";

import { root } from "./compile.ts";
import { anchorsOf, linksOf } from "./links.ts";

const pages = sitePages();
const texts = new Map([...pages.keys()].map((file) => [file, read(file)]));
const links = [...texts].flatMap(([file, text]) => linksOf(text).map((link) => ({ file, ...link })));

function read(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

describe("the API reference", () => {
  it("has every entry point of the package, under its name", () => {
    const { entryPoints: documented } = JSON.parse(read("typedoc.json")) as { entryPoints: string[] };
    const sources = entryPoints().map((entry) => `src${entry}/index.ts`);
    expect(sources).toContain("src/protocol/index.ts");
    expect([...documented].sort()).toEqual([...sources].sort());
    const unnamed = entryPoints().filter(
      (entry) => !read(`src${entry}/index.ts`).includes(`@module tswebtransport${entry}\n`),
    );
    expect(unnamed).toEqual([]);
  });
});

describe("the documentation's pages", () => {
  it("all stand in docs/navigation.json, each once", () => {
    const inDocs = [...pages.keys()]
      .filter((file) => file.startsWith("docs/"))
      .map((file) => file.slice("docs/".length));
    const named = readNavigation().flatMap((section) => section.pages);
    expect(named).toEqual([...new Set(named)]);
    expect(inDocs.filter((page) => !named.includes(page))).toEqual([]);
  });

  it("are in the sidebar by their first headings", () => {
    const items = sidebar().flatMap((section) => section.items);
    expect(items).toContainEqual({ text: "Routing", link: "/guide/routing" });
    expect(items).toHaveLength([...pages.keys()].filter((file) => file !== "README.md").length);
  });

  it("have one heading of the first level, which comes first", () => {
    const wrong = [...texts].filter(([, text]) => !text.startsWith("# "));
    expect(wrong.map(([file]) => file)).toEqual([]);
  });

  it("link to files that exist, and to headings that these have", () => {
    const internal = links.filter(({ target }) => !/^[a-z]+:/.test(target));
    expect(internal.length).toBeGreaterThan(50);
    const broken = internal.filter(({ file, target }) => {
      const [path = "", anchor] = target.split("#");
      const found = path === "" ? file : posix.normalize(posix.join(dirname(file), path));
      if (!existsSync(join(root, found))) return true;
      return anchor !== undefined && !anchorsOf(read(found)).has(decodeURIComponent(anchor));
    });
    expect(broken).toEqual([]);
  });

  it("link elsewhere by https alone", () => {
    const external = links.filter(({ target }) => /^[a-z]+:/.test(target));
    expect(external.length).toBeGreaterThan(0);
    expect(external.filter(({ target }) => !URL.canParse(target) || !target.startsWith("https://"))).toEqual([]);
  });
});

describe("pages that are written from tables", () => {
  it("docs/error-codes.md is what `node site/error-codes.mjs` writes, with every code", async () => {
    const page = await errorCodesPage(errorCatalogue, ErrorCodes);
    expect(read("docs/error-codes.md")).toBe(page);
    for (const code of [...Object.keys(errorCatalogue), ...Object.keys(ErrorCodes)]) expect(page).toContain(code);
  });

  it("docs/error-codes.md has every code of a warning that the sources emit, and no other", () => {
    const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" });
    const code = sources.filter((file) => file.endsWith(".ts")).map((file) => read(join("src", file)));
    const emitted = code.join("\n").matchAll(/\bemitWarning\([^]{0,300}?\bcode: "(\w+)"/g);
    expect([...new Set([...emitted].map(([, name]) => name))].sort()).toEqual(Object.keys(warningTexts));
  });

  it("docs/error-codes.md cannot be written without a text for each code, or with one too many", async () => {
    const entry = { class: "StreamError", fatal: false, retriable: false };
    const withNew = { ...errorCatalogue, ERR_WT_NEW: entry };
    await expect(errorCodesPage(withNew, ErrorCodes)).rejects.toThrow("no entry for ERR_WT_NEW");
    const rest = Object.fromEntries(Object.entries(errorCatalogue).filter(([code]) => code !== "ERR_WT_TIMEOUT"));
    expect(Object.keys(errorTexts)).toContain("ERR_WT_TIMEOUT");
    await expect(errorCodesPage(rest, ErrorCodes)).rejects.toThrow("ERR_WT_TIMEOUT, which is no code");
  });

  it("docs/comparison.md is what `node site/comparison.mjs` writes of the latest results", async () => {
    expect(read("docs/comparison.md")).toBe(await comparisonPage(readResults()));
  });
});

describe("the API reference", () => {
  it("covers every entry point of the package", () => {
    const { exports } = JSON.parse(read("package.json")) as { exports: Record<string, { types?: string }> };
    const { entryPoints } = JSON.parse(read("typedoc.json")) as { entryPoints: string[] };
    const typed = Object.values(exports).flatMap(({ types }) => types ?? []);
    const sources = typed.map((path) => path.replace("./dist/", "src/").replace(/\.d\.ts$/, ".ts"));
    expect([...entryPoints].sort()).toEqual(sources.sort());
  });
});

describe("diagrams", () => {
  const diagrams = readdirSync(join(root, "docs/images")).filter((file) => file.endsWith(".svg"));

  it.each(diagrams)("%s is readable in both schemes, loads nothing and is used", (file) => {
    const svg = read(`docs/images/${file}`);
    expect(svg).toContain("prefers-color-scheme: dark");
    expect(svg).not.toMatch(/<script|href=|url\(|<image|@import/);
    // Colours come from classes alone: those of the site follow its own switch.
    expect(svg.replace(/<style>[\s\S]*<\/style>/, "")).not.toMatch(/\b(fill|stroke)="/);
    expect(links.filter(({ target, text }) => target.endsWith(`images/${file}`) && text !== "")).not.toEqual([]);
  });
});

describe("siteMarkdown()", () => {
  const where = new Map([
    ["docs/guide/tls.md", "guide/tls.md"],
    ["CHANGELOG.md", "project/changelog.md"],
  ]);

  it.each([
    ["[TLS](tls.md#names)", "[TLS](/guide/tls.md#names)"],
    ["[changes](../../CHANGELOG.md)", "[changes](/project/changelog.md)"],
    ["[a file](../../src/index.ts)", "a file"],
    ["![a picture](../images/a.png)", "![a picture](/images/a.png)"],
    ["[here](#below) and [there](https://app.example/)", "[here](#below) and [there](https://app.example/)"],
    ["```md\n[TLS](tls.md)\n```", "```md\n[TLS](tls.md)\n```"],
  ])("makes %j %j", (given, expected) => {
    expect(siteMarkdown("docs/guide/auth.md", given, where)).toBe(expected);
  });
});

describe("checkSite()", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "site-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it("finds what leads nowhere, and what is loaded from elsewhere", () => {
    writeFileSync(join(folder, "index.html"), '<h1 id="top"></h1><a href="/other#part">x</a><a href="#top">x</a>');
    writeFileSync(join(folder, "other.html"), '<a href="/index.html#none"></a><a href="/gone"></a>');
    writeFileSync(
      join(folder, "third.html"),
      '<script src="https://cdn.example/a.js"></script><a href="https://a.example">x</a>',
    );
    expect(checkSite(folder)).toEqual({
      pages: 3,
      links: 6,
      faults: expect.arrayContaining([
        "index.html: /other#part: has no such anchor",
        "other.html: /index.html#none: has no such anchor",
        "other.html: /gone: leads nowhere",
        "third.html: https://cdn.example/a.js: is loaded from elsewhere",
      ]) as unknown,
    });
  });
});
