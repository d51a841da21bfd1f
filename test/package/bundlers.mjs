// Bundles of the programs: the package's code goes into them, the addon stays in node_modules.
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { build as viteBuild } from "vite";

import { esbuildModule } from "./runtimes.mjs";

export async function bundleWithEsbuild(project, outdir, program = "smoke.mjs") {
  mkdirSync(outdir, { recursive: true });
  const { default: esbuild } = await import(pathToFileURL(esbuildModule).href);
  const outfile = join(outdir, program);
  const isCommonJs = program.endsWith(".cjs");
  const options = { bundle: true, platform: "node", format: isCommonJs ? "cjs" : "esm", outfile };
  // In CommonJS it warns of what the check is about.
  const logLevel = isCommonJs ? "error" : "warning";
  await esbuild.build({ ...options, logLevel, absWorkingDir: project, entryPoints: [program] });
  return onlyJavaScript(outdir, outfile);
}

export async function bundleWithVite(project, outDir, noExternal) {
  await viteBuild({
    root: project,
    configFile: false,
    logLevel: "error",
    ssr: { noExternal: noExternal ? true : undefined },
    build: { ssr: "smoke.mjs", outDir, emptyOutDir: true, target: "node20" },
  });
  return onlyJavaScript(outDir, join(outDir, "smoke.js"));
}

function onlyJavaScript(folder, file) {
  const others = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".node"));
  if (others.length > 0) throw new Error(`the bundle has ${others.join(", ")}`);
  return file;
}
