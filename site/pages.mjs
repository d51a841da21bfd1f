// Which Markdown files are pages of the site, where they stand there, and in which order the sidebar names them.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Files outside of docs/ that are pages, too, because pages link to them: repository path, path on the site.
 *
 * @type {readonly (readonly [file: string, page: string])[]}
 */
const projectFiles = [
  ["ARCHITECTURE.md", "project/architecture.md"],
  ["benchmarks/README.md", "project/benchmarks.md"],
  ["examples/room/README.md", "project/room-example.md"],
  ["CONTRIBUTING.md", "project/contributing.md"],
  ["SECURITY.md", "project/security.md"],
  ["CHANGELOG.md", "project/changelog.md"],
];

/**
 * Every page: path in the repository → path on the site. The README is the site's front page.
 *
 * @returns {Map<string, string>}
 */
export function sitePages() {
  const guide = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => file.endsWith(".md"));
  return new Map([
    ["README.md", "index.md"],
    ...guide.sort().map((file) => [`docs/${file}`, file]),
    ...projectFiles.filter(([file]) => existsSync(join(root, file))),
  ]);
}

/**
 * docs/navigation.json: sections of pages, by their paths in docs/.
 *
 * @returns {{ text: string, pages: string[] }[]}
 */
export function readNavigation() {
  return JSON.parse(readFileSync(join(root, "docs", "navigation.json"), "utf8"));
}

/** The sidebar: the navigation's sections, each page by its first heading; a page that does not exist is left out. */
export function sidebar() {
  const sections = [
    ...readNavigation().map(({ text, pages }) => ({ text, files: pages.map((page) => [`docs/${page}`, page]) })),
    { text: "Project", files: projectFiles },
  ];
  return sections.map(({ text, files }) => ({
    text,
    collapsed: false,
    items: files
      .filter(([file]) => existsSync(join(root, file)))
      .map(([file, page]) => ({ text: titleOf(file), link: `/${page.replace(/\.md$/, "")}` })),
  }));
}

/**
 * The package's entry points, as package.json's `exports` has them: "" for the package itself, "/server" and so on.
 *
 * @returns {string[]}
 */
export function entryPoints() {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return Object.keys(exports)
    .filter((name) => name !== "./package.json")
    .map((name) => name.slice(1));
}

/**
 * The first heading of a Markdown file.
 *
 * @param {string} file
 */
export function titleOf(file) {
  const [, title] = /^# (.+)$/m.exec(readFileSync(join(root, file), "utf8")) ?? [];
  if (title === undefined) throw new Error(`${file} has no heading`);
  return title.replaceAll("`", "");
}

/**
 * A page's Markdown with its links as the site has them: to pages by their place there, to the repository's other files
 * not at all (their text stays). Code blocks are left alone.
 *
 * @param {string} file
 * @param {string} markdown
 */
export function siteMarkdown(file, markdown, pages = sitePages()) {
  /** @type {string | undefined} */
  let fence;
  return markdown
    .split("\n")
    .map((line) => {
      const [, marker] = /^\s*(`{3,})/.exec(line) ?? [];
      if (marker !== undefined && (fence === undefined || marker === fence)) {
        fence = fence === undefined ? marker : undefined;
        return line;
      }
      return fence === undefined ? line.replace(/(!?)\[([^\]]*)\]\(([^)\s]+)\)/g, siteLink) : line;
    })
    .join("\n");

  /**
   * @param {string} link
   * @param {string} image
   * @param {string} text
   * @param {string} target
   */
  function siteLink(link, image, text, target) {
    if (/^(#|[a-z]+:)/.test(target)) return link;
    const [path = "", anchor] = target.split("#");
    const repositoryPath = posix.normalize(posix.join(posix.dirname(file), path));
    if (image === "!") return `![${text}](/${repositoryPath.replace(/^docs\//, "")})`;
    const page = pages.get(repositoryPath);
    return page === undefined ? text : `[${text}](/${page}${anchor === undefined ? "" : `#${anchor}`})`;
  }
}
