// `npm run test:package`: packs what a release publishes for this machine, installs the tarballs into an empty project, and
// uses them there as a user would. The last line counts. Options: `--no-pack` takes the tarballs that are there;
// `--this-node` tries them in the Node that runs this and in nothing else, which is what a machine without glibc can do;
// `--platform NAME --runtime COMMAND` tries another platform's with the command that runs its programs here.
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";

import { staging } from "../../scripts/bundle.mjs";
import { ensureChromium } from "../../scripts/find-chromium.mjs";
import { ensureDependencies } from "../../scripts/install-dependencies.mjs";
import { npm } from "../../scripts/npm.mjs";
import { pack, requireHostPlatform } from "../../scripts/package.mjs";
import { cache, inRoot } from "../../scripts/paths.mjs";
import { packageOf, platforms } from "../../scripts/platforms.mjs";
import { runScript } from "../../scripts/set-up-error.mjs";
import { requireNode } from "../../scripts/toolchain.mjs";

import { echoInBrowser } from "./browser.mjs";
import { bundleWithEsbuild, bundleWithVite } from "./bundlers.mjs";
import { installRuntimes, run, runtimes } from "./runtimes.mjs";

const project = join(cache, "package", "project");
/** The main package as it is installed there. */
const installed = join(project, "node_modules", "tswebtransport", "dist");
const withoutAddon = join(cache, "package", "project-without-addon");
const tarballFolder = join(cache, "package", "tarballs");

/** Files of the package that importing the server may read: each is a request of the module loader. */
const maximumModules = 16;

/** Ours: what serves connections, what runs a cluster's workers, and what finds faults. */
const neededLate =
  /^(protocol\/(connection|webtransport\/sessions)|transport\/(session\/session|connection\/connection)-driver|cluster\/workers\/worker-cluster|server\/diagnosis\/server-issues)\.ts$/;

/** Node's own modules that the server gets when it first needs them: together they would double the time of its import. */
const loadedLate = /undici|\b(child_process|cluster|crypto|dgram|dns|http|https|net|perf_hooks|tls|v8|worker_threads)$/;

const { values: options } = parseArgs({
  options: {
    "no-pack": { type: "boolean", default: false },
    "this-node": { type: "boolean", default: false },
    platform: { type: "string" },
    runtime: { type: "string" },
  },
});
/** The one runtime that is asked for. */
const single = options.runtime?.split(" ") ?? (options["this-node"] ? [process.execPath] : undefined);
const node20 = single ?? runtimes["Node 20"];
const counts = { passed: 0, failed: 0 };

await runScript(async () => {
  requireNode();
  ensureDependencies();
  if (single === undefined) {
    ensureChromium();
    installRuntimes();
  }
  const host =
    options.platform === undefined ? requireHostPlatform() : platforms.find(({ name }) => name === options.platform);
  const tarballs = options["no-pack"] ? packedBefore(host) : await pack({ chosen: [host] });
  createProject(project, { tswebtransport: tarballs.main, [packageOf(host)]: tarballs.addons[host.name] });
  createProject(withoutAddon, { tswebtransport: tarballs.main });

  if (single !== undefined) {
    await checkRuntime(`${host.name}, ${single.join(" ")}`, single);
  } else {
    await checkManifest(tarballs.main);
    await checkTypes();
    for (const [name, runtime] of Object.entries(runtimes)) {
      await checkRuntime(name, runtime);
      await check(`${name}: a browser's echo`, () => echoInBrowser([...runtime, "browser-server.mjs"], project));
    }
    await checkPrograms();
    await checkTypeScriptApp();
    await checkImport();
    await checkBundlers();
  }
  await checkMissingAddon();
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  process.exitCode = counts.failed === 0 ? 0 : 1;
});

async function check(name, work) {
  const start = performance.now();
  const error = await Promise.resolve()
    .then(work)
    .then(
      () => undefined,
      (reason) => reason,
    );
  counts[error === undefined ? "passed" : "failed"] += 1;
  console.log(
    `${error === undefined ? "ok" : "FAILED"}  ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`,
  );
  if (error !== undefined) console.log(error.stack ?? error);
}

/** As strict as they can be set; attw knows no profile stricter for a package that is ES modules alone. */
async function checkManifest(tarball) {
  const tool = (path, ...args) => [process.execPath, inRoot("node_modules", path), ...args];
  const publint = tool("publint/src/cli.js", staging, "--strict");
  const attw = tool("@arethetypeswrong/cli/dist/index.js", tarball, "--profile", "esm-only");
  await check("publint finds nothing", () => run(publint, { cwd: project, timeout: 120_000 }));
  await check("are the types wrong? No", () => run(attw, { cwd: project, timeout: 120_000 }));
}

async function checkTypes() {
  const tsc = inRoot("node_modules", "typescript", "bin", "tsc");
  const resolutions = {
    node16: { module: "node16" },
    nodenext: { module: "nodenext" },
    bundler: { module: "esnext", moduleResolution: "bundler" },
  };
  for (const [name, resolution] of Object.entries(resolutions)) {
    for (const dom of [false, true]) {
      await check(`TypeScript: ${name}, ${dom ? "with" : "without"} the DOM's types`, async () => {
        const config = join(project, `tsconfig.${name}.${dom ? "dom" : "node"}.json`);
        const compilerOptions = {
          ...resolution,
          target: "es2023",
          lib: dom ? ["es2023", "dom", "dom.iterable", "dom.asynciterable"] : ["es2023"],
          ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true },
          ...{ types: ["node"], typeRoots: [inRoot("node_modules", "@types")] },
        };
        writeFileSync(config, JSON.stringify({ compilerOptions, files: ["consumer.ts"] }));
        await run([process.execPath, tsc, "--project", config], { cwd: project, timeout: 120_000 });
      });
    }
  }
}

async function checkRuntime(name, runtime) {
  await check(`${name}: both sides, close codes, and the process ends`, async () => {
    assert.match(await run([...runtime, "smoke.mjs"], { cwd: project }), /^smoke ok$/m);
  });
  await check(`${name}: require()`, async () => {
    assert.match(await run([...runtime, "require.cjs"], { cwd: project }), /^require ok$/m);
  });
}

/** What the package starts as processes of their own: workers, and the command line. */
async function checkPrograms() {
  const { version } = JSON.parse(readFileSync(inRoot("package.json"), "utf8"));
  for (const name of ["Node 20", "Node 26"]) {
    await check(`${name}: a cluster's workers and their monitor`, async () => {
      assert.match(await run([...runtimes[name], "cluster.mjs"], { cwd: project }), /^cluster ok$/m);
    });
    await check(`${name}: npx tswebtransport`, async () => {
      const command = [...runtimes[name], join("node_modules", ".bin", "tswebtransport")];
      assert.ok((await run([...command, "--version"], { cwd: project })).includes(version));
      assert.match(await run([...command, "--help"], { cwd: project }), /\bdoctor\b/);
      await run([...command, "cert", "--out", name], { cwd: project });
    });
  }
}

/** A worker's application in TypeScript, as Node runs it by itself or does not. */
async function checkTypeScriptApp() {
  const cluster = ["cluster.mjs", "cluster-app.ts"];
  for (const name of ["Node 22", "Node 24", "Node 26"]) {
    await check(`${name}: a cluster's workers run TypeScript`, async () => {
      assert.match(await run([...runtimes[name], ...cluster], { cwd: project }), /^cluster ok$/m);
    });
  }
  await check("Node 20: a cluster says that its workers cannot run TypeScript", async () => {
    const failure = await run([...runtimes["Node 20"], ...cluster], { cwd: project }).catch((error) => error.message);
    assert.match(failure, /ConfigurationError/);
    assert.match(
      failure,
      /app is TypeScript, which Node 20\.\d+\.\d+ cannot run: use Node 22\.18 or newer, compile it/,
    );
    assert.match(failure, /give `execArgv` a loader.*cluster-app\.ts/);
  });
}

async function checkImport() {
  await check("importing the server loads few modules, and none of Node's that it may never need", async () => {
    const modules = staticallyImported("server/index.js");
    assert.ok(modules.length <= maximumModules, `it reads ${modules.length} files`);
    const loaded = JSON.parse(await run([...node20, "loaded.mjs"], { cwd: project }));
    assert.deepEqual(
      loaded.filter((name) => loadedLate.test(name)),
      [],
    );
  });
  for (const entry of ["index.js", "server/index.js"]) {
    await check(`importing ${entry} reads no code that only what listens or connects needs`, () => {
      const sources = sourcesOf(staticallyImported(entry));
      assert.ok(sources.includes("server/server.ts"));
      assert.deepEqual(
        sources.filter((source) => neededLate.test(source)),
        [],
      );
    });
  }
  await check("importing the protocol core needs nothing of Node's", () => {
    for (const path of staticallyImported("protocol/index.js")) {
      const code = readFileSync(join(installed, path), "utf8");
      assert.doesNotMatch(code, /\bfrom "node:|^import "node:|\b(process|Buffer)\.\w/m, path);
    }
  });
}

/** The sources under src/ that these files of the bundle came of. */
function sourcesOf(paths) {
  return paths.flatMap((path) => {
    const map = join(installed, `${path}.map`);
    if (!existsSync(map)) return [];
    return JSON.parse(readFileSync(map, "utf8")).sources.map((source) => source.replace(/^.*\/src\//, ""));
  });
}

function staticallyImported(entry) {
  const found = new Set([entry]);
  for (const path of found) {
    const code = readFileSync(join(installed, path), "utf8");
    for (const [, from, bare] of code.matchAll(/^(?:import|export)\b[^;"]*?from "(\.[^"]+)"|^import "(\.[^"]+)"/gm)) {
      found.add(new URL(from ?? bare, `file:///${path}`).pathname.slice(1));
    }
  }
  return [...found];
}

async function checkBundlers() {
  const isolated = join(project, "bundled");
  await check("esbuild's bundle of the server leaves the addon alone", async () => {
    const file = await bundleWithEsbuild(project, join(isolated, "esbuild"));
    assert.match(await run([...node20, file], { cwd: project }), /^smoke ok$/m);
  });
  await check("esbuild's bundle of a cluster says that the workers' program is not in it", async () => {
    const file = await bundleWithEsbuild(project, join(isolated, "cluster"), "cluster.mjs");
    const failure = await run([...node20, file], { cwd: project }).catch((error) => error.message);
    assert.match(failure, /Cannot start a worker: its program \S+worker-main\.js is not there/);
    assert.match(failure, /--external:tswebtransport/);
  });
  await check("esbuild's bundle in CommonJS says that it cannot load the addon", async () => {
    const file = await bundleWithEsbuild(project, join(isolated, "commonjs"), "require.cjs");
    const failure = await run([...node20, file], { cwd: project }).catch((error) => error.message);
    assert.match(failure, /Cannot load the native addon from a bundle in CommonJS/);
  });
  for (const noExternal of [false, true]) {
    const what = noExternal ? "with everything in it" : "with the package outside";
    await check(`Vite's SSR bundle, ${what}, leaves the addon alone`, async () => {
      const file = await bundleWithVite(project, join(isolated, `vite-${noExternal}`), noExternal);
      assert.match(await run([...node20, file], { cwd: project }), /^smoke ok$/m);
    });
  }
}

async function checkMissingAddon() {
  await check("without the platform's package the error says what to do", async () => {
    const failure = await run([...node20, "smoke.mjs"], { cwd: withoutAddon }).catch((error) => error.message);
    assert.match(failure, /Cannot load the native addon for \S+: tried/);
    assert.match(failure, /@tswebtransport\/\S+ brings it, as an optional dependency/);
    assert.match(failure, /npm run build/);
  });
}

/** An empty project that the tarballs are installed into, without a network. */
function createProject(folder, tarballs) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(inRoot("test", "package", "programs"))) {
    cpSync(inRoot("test", "package", "programs", name), join(folder, name));
  }
  const dependencies = Object.fromEntries(Object.entries(tarballs).map(([name, path]) => [name, `file:${path}`]));
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ name: "consumer", private: true, type: "module", dependencies }),
  );
  const args = ["install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
  // npm refuses another platform's addon otherwise.
  if (options.platform !== undefined) args.push("--force");
  npm(args, { cwd: folder, what: "The tarballs could not be installed" });
}

function packedBefore(host) {
  const find = (pattern) => {
    const name = readdirSync(tarballFolder).find((candidate) => pattern.test(basename(candidate)));
    assert.ok(name !== undefined, `no tarball of an earlier run in ${tarballFolder}`);
    return join(tarballFolder, name);
  };
  return {
    main: find(/^tswebtransport-\d/),
    addons: { [host.name]: find(new RegExp(`^tswebtransport-${host.name}-\\d`)) },
  };
}
