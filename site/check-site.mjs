// Checks the built site: every internal link leads to a file and, with an anchor, to an element that has it; nothing is
// loaded from elsewhere.
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

/**
 * What is wrong with the links of the HTML files below `folder`.
 *
 * @param {string} folder
 * @param {string} [base] Where the site stands on its host.
 */
export function checkSite(folder, base = "/") {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".html"));
  const texts = new Map(files.map((file) => [join(folder, file), readFileSync(join(folder, file), "utf8")]));
  const ids = new Map([...texts].map(([file, text]) => [file, idsOf(text)]));
  /** @type {string[]} */
  const faults = [];
  let links = 0;
  for (const [file, text] of texts) {
    for (const [, tag, attributes] of text.matchAll(/<(a|img|link|script|source|iframe)\b([^>]*)>/g)) {
      const target = /\b(?:href|src)="([^"]*)"/.exec(attributes)?.[1];
      if (target === undefined) continue;
      links += 1;
      const fault = faultOf(file, tag, target.replaceAll("&amp;", "&"));
      if (fault !== undefined) faults.push(`${relative(folder, file)}: ${target}: ${fault}`);
    }
  }
  return { pages: files.length, links, faults };

  function faultOf(file, tag, target) {
    if (/^(https?:)?\/\//.test(target)) return tag === "a" ? undefined : "is loaded from elsewhere";
    if (/^(mailto|data):/.test(target)) return undefined;
    const [path, anchor] = target.split("#");
    const page = path === "" ? file : fileOf(decodeURIComponent(path), file);
    if (page === undefined) return "leads nowhere";
    if (anchor === undefined || anchor === "") return undefined;
    return ids.get(page)?.has(decodeURIComponent(anchor)) ? undefined : "has no such anchor";
  }

  function fileOf(path, from) {
    const found = path.startsWith(base) ? join(folder, path.slice(base.length)) : resolve(dirname(from), path);
    if (existsSync(found) && statSync(found).isDirectory())
      return fileOf(`${path.replace(/\/?$/, "/")}index.html`, from);
    return [found, `${found}.html`].find((candidate) => existsSync(candidate));
  }
}

function idsOf(html) {
  return new Set([...html.matchAll(/\bid="([^"]*)"/g)].map(([, id]) => id.replaceAll("&amp;", "&")));
}
