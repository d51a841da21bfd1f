import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { defineConfig } from "vitepress";

import { entryPoints, root, sidebar } from "../pages.mjs";
import { slugOf } from "../slug.mjs";

const api = join(root, "site", ".staged", "api", "tswebtransport");

// Where the site will stand on its host, as "/tswebtransport/".
const base = process.env["DOCS_BASE"] ?? "/";

export default defineConfig({
  title: "tswebtransport",
  description: "WebTransport over HTTP/3 for Node: a server framework, a client and a QUIC engine of its own",
  lang: "en",
  srcDir: ".staged",
  outDir: "dist",
  cacheDir: "node_modules/.vitepress-cache",
  base,
  head: [["link", { rel: "icon", href: `${base}icon.svg`, type: "image/svg+xml" }]],
  markdown: {
    anchor: { slugify: slugOf },
    toc: { level: [2, 3] },
    config: inlineDiagrams,
  },
  // Its tables need the width.
  transformPageData: (page) => {
    if (page.relativePath === "comparison.md") page.frontmatter.aside = false;
  },
  themeConfig: {
    search: {
      provider: "local",
      options: {
        miniSearch: { searchOptions: { boostDocument: searchWeight } },
      },
    },
    nav: [
      { text: "First steps", link: "/first-steps" },
      { text: "Guide", link: "/guide/routing" },
      { text: "Recipes", link: "/recipes/rooms" },
      { text: "API", link: "/api/" },
    ],
    sidebar: { "/api/": apiSidebar(), "/": sidebar() },
    outline: [2, 3],
    externalLinkIcon: true,
  },
});

/** What explains comes before what lists. */
function searchWeight(page) {
  if (page.includes("/api/")) return 0.3;
  return /\/(error-codes|migration)/.test(page) ? 0.5 : 1;
}

/** Diagrams become part of the page, so that they follow the page's scheme and not the system's. */
function inlineDiagrams(md) {
  const image = md.renderer.rules.image;
  md.renderer.rules.image = (tokens, index, options, env, self) => {
    const token = tokens[index];
    const source = token.attrGet("src") ?? "";
    if (!source.endsWith(".svg")) return image(tokens, index, options, env, self);
    const svg = readFileSync(join(root, "docs", source), "utf8").replace(/<style>[\s\S]*?<\/style>/, "");
    const label = md.utils.escapeHtml(token.content);
    const inline = svg
      .trim()
      .replace("<svg ", `<svg v-pre class="diagram" role="img" aria-label="${label}" `)
      .replace(/\n\s*/g, "\n");
    return `<span class="diagram-frame">${inline}</span>`;
  };
}

/** The API's pages by entry point and kind, as TypeDoc has written them. */
function apiSidebar() {
  return [
    { text: "Documentation", link: "/first-steps" },
    ...entryPoints()
      .filter((entry) => existsSync(api + entry))
      .map((entry) => ({
        text: `tswebtransport${entry}`,
        link: `/api/tswebtransport${entry}/`,
        collapsed: entry !== "",
        items: kindsOf(entry),
      })),
  ];
}

function kindsOf(entry) {
  const kinds = {
    classes: "Classes",
    functions: "Functions",
    variables: "Constants",
    interfaces: "Interfaces",
    "type-aliases": "Types",
  };
  return Object.entries(kinds)
    .filter(([kind]) => existsSync(join(api + entry, kind)))
    .map(([kind, text]) => ({
      text,
      collapsed: true,
      items: readdirSync(join(api + entry, kind))
        .sort()
        .map((file) => file.replace(/\.md$/, ""))
        .map((name) => ({ text: name, link: `/api/tswebtransport${entry}/${kind}/${name}` })),
    }));
}
