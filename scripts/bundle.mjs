// `node scripts/bundle.mjs [DIR]`: the JavaScript that a release publishes, bundled out of dist/ into DIR/dist. One file
// for each entry point, chunks for what they share, each with its source map; declarations and assets beside them.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, posix, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";

import { rolldown, RolldownMagicString } from "rolldown";

import { ensureTypeScript } from "./build-typescript.mjs";
import { declarationsOf } from "./declarations.mjs";
import { filesBelow, fingerprintOf } from "./fingerprint.mjs";
import { cache, inRoot } from "./paths.mjs";
import { runScript, SetUpError } from "./set-up-error.mjs";

/** Where the release's main package is put together. */
export const staging = join(cache, "package", "tswebtransport");

const built = inRoot("dist");

/** Packages whose files are assets of dist/, not part of a chunk. */
const copiedPackages = ["uplot"];

/** Not in a comment's example. */
const programUrl = /^(?!\s*(?:\*|\/\/)).*?\bnew URL\((["`])([^"`$]+)\.(?:js|\$\{\w+\})\1, import\.meta\.url\)/gm;

/**
 * The chunks that entry points share: what these modules import statically, less what a chunk above has. Each has all that it
 * imports in itself or above, so that no two import each other. Without the table a chunk comes of every combination of entry
 * points, and Node spends more time on finding them than on their code; so what is small goes with what is read anyway. What
 * nobody here imports is left to the bundler.
 */
const sharedChunks = {
  // The protocol core runs without Node, so its chunks must hold nothing that needs Node. A client that has not connected yet,
  // and a server that does not listen yet, read neither the core nor the transport.
  foundation: () => inBoth(staticImports("protocol/index.js"), staticImports("client/index.js", "server/index.js")),
  protocol: () => staticImports("protocol/index.js"),
  common: () => new Set([...staticImports("client/index.js", "transport/streams/web-streams.js"), ...bothSides()]),
  transport: () => staticImports("server/core.js"),
  client: () => staticImports("client/connector.js"),
  server: () => staticImports("server/index.js", "index.js"),
};

/** What both sides need: neither reads the other's code. */
function bothSides() {
  return inBoth(staticImports("client/connector.js"), staticImports("server/index.js", "index.js"));
}

/** What stands for a module's `import.meta.url` until it is known which file its code gets into. */
const moduleUrl = /__moduleUrl\("([^"]+)"\)/g;

/** Bundles into `directory`, unless that holds what the present dist/ makes. Answers the bundle's modules. */
export async function ensureBundle(directory = staging) {
  ensureTypeScript();
  const stamp = join(directory, "bundle.stamp");
  const fingerprint = fingerprintOf([
    ...filesBelow(built).filter((file) => !file.endsWith(".tsbuildinfo")),
    inRoot("package.json"),
    inRoot("package-lock.json"),
    ...["bundle.mjs", "declarations.mjs"].map((name) => inRoot("scripts", name)),
  ]);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === fingerprint) return;
  rmSync(stamp, { force: true });
  rmSync(join(directory, "dist"), { recursive: true, force: true });
  await bundle(join(directory, "dist"));
  writeFileSync(stamp, fingerprint);
}

async function bundle(target) {
  const entries = entryModules();
  const bundler = await rolldown({
    input: Object.fromEntries(entries.map((path) => [path.replace(/\.js$/, ""), join(built, path)])),
    platform: "node",
    // The platforms' addons and what the application shares with us are packages of their own; all else is bundled.
    external: [/^node:/, /^@tswebtransport\//, ...peers()],
    preserveEntrySignatures: "allow-extension",
    plugins: [
      { name: "source-maps", load: loadWithMap },
      { name: "module-urls", renderChunk: placeModuleUrls },
    ],
    onLog(level, log) {
      if (level !== "info" && level !== "debug") throw new Error(`The bundler says: ${log.message}`);
    },
  });
  const { output } = await bundler.write({
    dir: target,
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name]-[hash].js",
    sourcemap: true,
    comments: { jsdoc: false, legal: true },
    codeSplitting: { groups: chunkGroups() },
  });
  await bundler.close();
  const chunks = output.filter(({ type }) => type === "chunk");
  copyAssets(target);
  for (const path of declarationsOf(built, exportedTypes(), peers())) {
    const text = readFileSync(join(built, path), "utf8").replace(/^\/\/# sourceMappingURL=.*$/m, "");
    write(join(target, path), text);
  }
  write(join(target, "LICENSES.txt"), licencesOf(chunks));
}

/**
 * What package.json names in `exports` and `bin`, and programs and threads: modules that another one names by
 * `new URL("….js", import.meta.url)`, or by a template whose file extension is an expression.
 */
function entryModules() {
  const entries = new Set(exportedModules());
  for (const file of filesBelow(built).filter((path) => path.endsWith(".js"))) {
    for (const [, , url] of readFileSync(file, "utf8").matchAll(programUrl)) {
      entries.add(pathOf(resolve(dirname(file), `${url}.js`)));
    }
  }
  for (const path of entries) {
    if (!existsSync(join(built, path))) throw new SetUpError(`dist/${path} is an entry point, but is not there.`);
  }
  return [...entries].sort();
}

function chunkGroups() {
  const chunks = Object.entries(sharedChunks);
  return chunks.map(([name, modulesOf], index) => {
    const modules = modulesOf();
    return { name, priority: chunks.length - index, test: (id) => modules.has(pathOf(id)) };
  });
}

/** The modules of dist/ that some import statically, themselves included. */
function staticImports(...entries) {
  const found = new Set(entries);
  for (const path of found) {
    const code = readFileSync(join(built, path), "utf8");
    for (const [, from, bare] of code.matchAll(/^(?:import|export)\b[^;"]*? from "(\.[^"]+)"|^import "(\.[^"]+)"/gm)) {
      found.add(posix.join(posix.dirname(path), from ?? bare));
    }
  }
  return found;
}

function inBoth(one, other) {
  return new Set([...one].filter((path) => other.has(path)));
}

/** What package.json's `exports` and `bin` name. */
function exportedModules() {
  const { exports, bin = {} } = manifest();
  const targets = [...Object.values(exports).map((target) => target.default), ...Object.values(bin)];
  return targets.filter((path) => path !== undefined).map((path) => path.replace(/^(\.\/)?dist\//, ""));
}

function exportedTypes() {
  const types = Object.values(manifest().exports).map((target) => target.types);
  return types.filter((path) => path !== undefined).map((path) => path.replace("./dist/", ""));
}

/** tsc's own maps are made part of the bundle's, so that a stack trace names the TypeScript. */
function loadWithMap(id) {
  if (!existsSync(`${id}.map`)) return null;
  const map = JSON.parse(readFileSync(`${id}.map`, "utf8"));
  map.sourcesContent = map.sources.map((source) => {
    const file = resolve(dirname(id), source);
    return existsSync(file) ? readFileSync(file, "utf8") : null;
  });
  const code = readFileSync(id, "utf8")
    .replace(/^\/\/# sourceMappingURL=.*$/m, "")
    .replaceAll("import.meta.url", `__moduleUrl(${JSON.stringify(pathOf(id))})`);
  if (/\bimport\.meta\b/.test(code)) throw new Error(`dist/${pathOf(id)} uses import.meta for more than its url.`);
  return { code, map };
}

/**
 * Assets and programs stay at their modules' places in dist/, whichever chunk the module's code is in: `import.meta.url`
 * becomes the address where the module would be. webpack would look for a file there, and ends when there is none.
 */
function placeModuleUrls(code, chunk) {
  const edited = new RolldownMagicString(code);
  for (const match of code.matchAll(moduleUrl)) {
    const path = posix.relative(posix.dirname(chunk.fileName), match[1]);
    edited.overwrite(
      match.index,
      match.index + match[0].length,
      `new URL(/* webpackIgnore: true */ ${JSON.stringify(path)}, import.meta.url).href`,
    );
  }
  return edited.hasChanged() ? edited : null;
}

/** Every file that is no output of the compiler is an asset, and stays where it is. */
function copyAssets(target) {
  // A page's script is an asset, too: it has no source map, because no TypeScript became it.
  for (const file of filesBelow(built)) {
    const compiled = /\.(d\.ts|map|tsbuildinfo)$/.test(file) || existsSync(`${file}.map`);
    if (!compiled) cpSync(file, join(target, pathOf(file)));
  }
}

/** The licences of the packages that have become part of the bundle. */
function licencesOf(chunks) {
  const names = new Set(
    chunks.flatMap(({ moduleIds }) =>
      moduleIds.flatMap((id) => /.*[/\\]node_modules[/\\]((?:@[^/\\]+[/\\])?[^/\\]+)/.exec(id)?.[1] ?? []),
    ),
  );
  for (const name of copiedPackages) names.add(name);
  const texts = [...names].sort().map((name) => {
    const folder = inRoot("node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = ["LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE"].find((candidate) =>
      existsSync(join(folder, candidate)),
    );
    if (file === undefined) throw new Error(`The package ${name} has no licence that could be published with it.`);
    return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
  });
  return `Packages whose code is part of these files:\n\n${texts.join("\n\n")}`;
}

function peers() {
  return Object.keys(manifest().peerDependencies ?? {});
}

function manifest() {
  return JSON.parse(readFileSync(inRoot("package.json"), "utf8"));
}

function pathOf(file) {
  return relative(built, file).split(sep).join("/");
}

function write(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await runScript(async () => {
    const directory = process.argv[2] === undefined ? staging : resolve(process.argv[2]);
    await ensureBundle(directory);
    console.log(directory);
  });
}
