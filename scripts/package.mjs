// `npm run package`: what a release publishes, as tarballs: the main package, one with the addon for each platform, and the
// one behind `npm create tswebtransport`.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

import { buildAddon, inspectAddon } from "./build-addon.mjs";
import { ensureBundle, staging } from "./bundle.mjs";
import { crateLicences } from "./crate-licences.mjs";
import { filesBelow } from "./fingerprint.mjs";
import { ensureDependencies } from "./install-dependencies.mjs";
import { npm } from "./npm.mjs";
import { cache, inRoot, root } from "./paths.mjs";
import { hostPlatform, packageOf, platforms } from "./platforms.mjs";
import { runScript, SetUpError } from "./set-up-error.mjs";
import { requireNode } from "./toolchain.mjs";

const usage = `Usage: npm run package -- [options]
  --host-only         the main package, and the addon for this machine alone
  --platforms NAMES   the main package, and the addons for these
                      (${platforms.map(({ name }) => name).join(", ")})
  --addons-only       no main package
  --main-only         no addons
  --output DIR        where the tarballs go (default .cache/package/tarballs)
Without a choice: every platform that this machine can compile for. Linux compiles for Linux, macOS for macOS, Windows for
Windows; .github/workflows/release.yml puts them together.`;

const defaultOutput = join(cache, "package", "tarballs");

/** Files that stand in the repository's root and belong to every package, or to the main one. */
const common = ["LICENSE"];
const documents = ["README.md", "CHANGELOG.md"];

/** Packs, and answers the tarballs' paths: `{ main, create, addons: { [platform]: path } }`. */
export async function pack({ chosen, main = true, output = defaultOutput }) {
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });
  const tarballs = { main: undefined, create: undefined, addons: {} };
  const packages = [];
  if (main) {
    await stageMain();
    packages.push({ ...packFolder(staging, output, checkMain), about: "" });
    tarballs.main = packages[0].path;
    packages.push({ ...packFolder(stageCreate(), output, checkCreate), about: "" });
    tarballs.create = packages[1].path;
  }
  for (const platform of chosen) {
    const addon = buildAddon(platform);
    const { size, needs } = inspectAddon(addon, platform);
    const packed = packFolder(stageAddon(platform, addon), output, checkAddon);
    packages.push({ ...packed, about: `addon of ${megabytes(size)}; needs ${needs}` });
    tarballs.addons[platform.name] = packed.path;
  }
  report(packages, output);
  return tarballs;
}

async function stageMain() {
  await ensureBundle(staging);
  for (const name of [...common, ...documents]) cpSync(inRoot(name), join(staging, name));
  writeManifest(staging, mainManifest());
}

/** The repository's manifest without what only its own scripts and tests need. Bundled packages are no dependencies. */
function mainManifest() {
  const { name, version, description, keywords, license, type, engines, sideEffects, exports, bin } = rootManifest();
  const { peerDependencies, peerDependenciesMeta } = rootManifest();
  return {
    ...{ name, version, description, keywords, license, ...repository(), type, engines, sideEffects, exports, bin },
    files: ["dist", "CHANGELOG.md"],
    ...{ peerDependencies, peerDependenciesMeta },
    optionalDependencies: Object.fromEntries(platforms.map((platform) => [packageOf(platform), version])),
  };
}

/** `npm create tswebtransport`: always of the main package's version. */
function stageCreate() {
  const folder = join(cache, "package", "create");
  rmSync(folder, { recursive: true, force: true });
  cpSync(inRoot("create"), folder, {
    recursive: true,
    filter: (source) => !/[/\\](node_modules|package-lock\.json)$/.test(source),
  });
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  writeManifest(folder, { ...manifest, version: rootManifest().version, ...repository() });
  return folder;
}

function stageAddon(platform, addon) {
  const { name, os, cpu, libc, target } = platform;
  const { version, license, engines } = rootManifest();
  const folder = join(cache, "package", name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const file of common) cpSync(inRoot(file), join(folder, file));
  cpSync(addon, join(folder, "tswebtransport.node"));
  writeFileSync(join(folder, "LICENSES.txt"), crateLicences(target));
  writeFileSync(join(folder, "README.md"), readmeOf(platform));
  writeManifest(folder, {
    name: packageOf(platform),
    version,
    description: `The native addon of tswebtransport for ${name}`,
    ...{ license, ...repository(), engines },
    ...{ os: [os], cpu: [cpu], ...(libc !== undefined && { libc: [libc] }) },
    main: "tswebtransport.node",
    files: ["tswebtransport.node", "LICENSES.txt"],
  });
  return folder;
}

function readmeOf({ name, target }) {
  return `# @tswebtransport/${name}

The native addon of [tswebtransport](https://www.npmjs.com/package/tswebtransport) for \`${target}\`. It is an optional
dependency of that package: install that one, not this.
`;
}

/** The registry checks it against the workflow that publishes; elsewhere nobody knows where the repository is. */
function repository() {
  const { GITHUB_REPOSITORY: name, GITHUB_SERVER_URL: server = "https://github.com" } = process.env;
  return name === undefined || name === "" ? {} : { repository: { type: "git", url: `git+${server}/${name}.git` } };
}

/** Packs what `check` finds nothing wrong with. */
function packFolder(folder, output, check) {
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", output];
  const [packed] = Object.values(JSON.parse(npm(args, { cwd: folder, what: `${folder} could not be packed` })));
  const files = packed.files.map(({ path }) => path);
  const faults = [...check(folder, files), ...commonFaults(folder, files)];
  if (faults.length > 0) throw new Error(`${packed.name} must not be published:\n  ${faults.join("\n  ")}`);
  return { ...packed, path: join(output, packed.filename) };
}

function checkMain(folder, files) {
  const expected = ["package.json", ...common, ...documents, "dist/LICENSES.txt"];
  const allowed = /^dist\/.*(\.(js|js\.map|d\.ts|html|css|svg|png|json)|\/LICENSE\.txt)$/;
  const has = new Set(files);
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const named = [
    ...Object.values(manifest.exports).flatMap((target) =>
      typeof target === "string" ? [target] : Object.values(target),
    ),
    ...Object.values(manifest.bin ?? {}),
  ].map((path) => path.replace(/^\.\//, ""));
  return [
    ...[...expected, ...named].filter((path) => !has.has(path)).map((path) => `${path} is missing`),
    ...files
      .filter((path) => !expected.includes(path) && !allowed.test(path))
      .map((path) => `${path} does not belong into it`),
    ...["scripts", "dependencies", "devDependencies"]
      .filter((field) => manifest[field] !== undefined)
      .map((field) => `package.json has ${field}`),
    ...files
      .filter((path) => /^dist\/.*\.js$/.test(path))
      .flatMap((path) => faultsOfModule(folder, path, has, Object.keys(manifest.peerDependencies ?? {}))),
  ];
}

/** A module imports Node's modules, its neighbours and peers, nothing else; what the bundler made has a source map. */
function faultsOfModule(folder, path, has, peers) {
  const code = readFileSync(join(folder, path), "utf8");
  const specifiers = [
    ...code.matchAll(/^(?:import|export)\b[^;"]*?from "([^"]+)"|^import "([^"]+)"|\bimport\("([^"]+)"\)/gm),
  ];
  const faults = specifiers.flatMap(([, from, bare, dynamic]) => {
    const specifier = from ?? bare ?? dynamic;
    if (specifier.startsWith("node:") || peers.includes(specifier)) return [];
    const target = new URL(specifier, `file:///${path}`).pathname.slice(1);
    return specifier.startsWith(".") && has.has(target) ? [] : [`${path} imports ${specifier}`];
  });
  // Bundlers take them for files that they have to copy.
  for (const [, url] of code.matchAll(/\bnew URL\("(\.[^"]+)", import\.meta\.url\)/g)) {
    const target = new URL(url, `file:///${path}`).pathname.slice(1);
    if (!has.has(target)) faults.push(`${path} names ${target}, which is not there`);
  }
  const isAsset = !code.includes("//# sourceMappingURL=");
  if (!isAsset && !has.has(`${path}.map`)) faults.push(`${path}.map is missing`);
  return faults;
}

function checkCreate(folder, files) {
  const template = filesBelow(join(folder, "template")).map((file) => relative(folder, file).split(sep).join("/"));
  const expected = ["LICENSE", "README.md", "create.mjs", "package.json", ...template].sort();
  return files.toSorted().join() === expected.join() ? [] : [`it has ${files.join(", ")}, not ${expected.join(", ")}`];
}

function checkAddon(_, files) {
  const expected = ["LICENSE", "LICENSES.txt", "README.md", "package.json", "tswebtransport.node"];
  return files.toSorted().join() === expected.join() ? [] : [`it has ${files.join(", ")}, not ${expected.join(", ")}`];
}

/** No package names folders of the machine that made it. */
function commonFaults(folder, files) {
  return files
    .filter((path) => readFileSync(join(folder, path), "latin1").includes(root))
    .map((path) => `${path} names ${root}`);
}

function report(packages, output) {
  console.log(`\nPacked into ${output}:`);
  for (const { filename, size, unpackedSize, files, about } of packages) {
    const sizes = `${megabytes(size)} packed, ${megabytes(unpackedSize)} unpacked, ${files.length} files`;
    console.log(`  ${filename}: ${sizes}${about === "" ? "" : `; ${about}`}`);
  }
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(2)} MB`;

function rootManifest() {
  return JSON.parse(readFileSync(inRoot("package.json"), "utf8"));
}

function writeManifest(folder, manifest) {
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

function choose(values) {
  if (values["main-only"]) return [];
  if (values["host-only"]) return [requireHostPlatform()];
  if (values.platforms === undefined) return platforms.filter(({ os }) => os === process.platform);
  return values.platforms.split(",").map((name) => {
    const platform = platforms.find((candidate) => candidate.name === name);
    if (platform === undefined) throw new SetUpError(`There is no platform ${name}.\n\n${usage}`);
    return platform;
  });
}

export function requireHostPlatform() {
  const host = hostPlatform();
  if (host === undefined) {
    throw new SetUpError(`A release has no addon for this machine (${process.platform}-${process.arch}).`);
  }
  return host;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await runScript(async () => {
    requireNode();
    ensureDependencies();
    const { values } = parseArgs({
      options: {
        "host-only": { type: "boolean", default: false },
        platforms: { type: "string" },
        "addons-only": { type: "boolean", default: false },
        "main-only": { type: "boolean", default: false },
        output: { type: "string", default: defaultOutput },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) {
      console.log(usage);
      return;
    }
    const chosen = choose(values);
    await pack({ chosen, main: !values["addons-only"], output: resolve(values.output) });
    const others = platforms.filter((platform) => !chosen.includes(platform));
    if (others.length > 0) {
      console.log(`Not built, and so not tried here: ${others.map(({ name }) => name).join(", ")}.`);
    }
  });
}
