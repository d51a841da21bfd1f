// `npm run docs`: the API reference, the pages as the site has them, the site (site/dist), and a check of its links.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { ensureDependencies } from "../scripts/install-dependencies.mjs";
import { ensureTypeScript } from "../scripts/build-typescript.mjs";
import { runScript } from "../scripts/set-up-error.mjs";
import { checkSite } from "./check-site.mjs";
import { root, siteMarkdown, sitePages } from "./pages.mjs";

const site = join(root, "site");
const staged = join(site, ".staged");

await runScript(async () => {
  ensureDependencies();
  ensureTypeScript();
  ensureSiteDependencies();
  stagePages();
  run("API reference", join(root, "node_modules/typedoc/bin/typedoc"), "--out", join(staged, "api"));
  run("site", join(site, "node_modules/vitepress/bin/vitepress.js"), "build", site);
  const { pages, links, faults } = checkSite(join(site, "dist"), process.env["DOCS_BASE"]);
  for (const fault of faults) console.error(fault);
  console.log(
    `site/dist: ${pages} pages, ${links} links, ${faults.length} of them broken. npm run docs:serve shows it.`,
  );
  if (faults.length > 0) process.exitCode = 1;
});

/** Writes the pages to where VitePress reads them; links are those of the site. */
function stagePages() {
  rmSync(staged, { recursive: true, force: true });
  const pages = sitePages();
  for (const [file, page] of pages) {
    const path = join(staged, page);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, siteMarkdown(file, readFileSync(join(root, file), "utf8"), pages));
  }
  cpSync(join(site, "index.md"), join(staged, "index.md"));
  cpSync(join(site, "icon.svg"), join(staged, "public", "icon.svg"));
  cpSync(join(root, "docs", "images"), join(staged, "public", "images"), { recursive: true });
}

/** `npm ci` in site/, which has a lock file of its own: nobody but the site needs VitePress. */
function ensureSiteDependencies() {
  const lock = readFileSync(join(site, "package-lock.json"), "utf8");
  const stamp = join(site, "node_modules", ".installed-from");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  console.log("Installing the site's dependencies (about 20 seconds) …");
  const npm = process.env["npm_execpath"];
  const { status } = npm?.endsWith("js")
    ? spawnSync(process.execPath, [npm, "ci"], { cwd: site, stdio: ["ignore", "inherit", "inherit"] })
    : spawnSync("npm ci", { cwd: site, stdio: ["ignore", "inherit", "inherit"], shell: true });
  if (status !== 0) fail("The site's dependencies could not be installed: npm's own message stands above.");
  writeFileSync(stamp, lock);
}

function run(name, script, ...args) {
  console.log(`── ${name}`);
  const { status } = spawnSync(process.execPath, [script, ...args], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (status !== 0) fail(`${name}: failed, see above`);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
