/** What the workflows do that shows only where they run, or once. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

import { describe, expect, it } from "vitest";
import { parse } from "yaml";

import { inRoot } from "../../../scripts/paths.mjs";
import { platforms } from "../../../scripts/platforms.mjs";

interface Step {
  readonly name?: string;
  readonly run?: string;
  readonly shell?: string;
}

interface Workflow {
  readonly jobs: Readonly<Record<string, { readonly steps: readonly Step[] }>>;
}

const folder = inRoot(".github", "workflows");
const workflows = readdirSync(folder).map((name) => parse(readFileSync(join(folder, name), "utf8")) as Workflow);
const jobs = workflows.flatMap((workflow) => Object.values(workflow.jobs));

describe("the workflows", () => {
  it("pass arguments through npm in a shell that leaves the `--` in it, on Windows as well", () => {
    const onWindows = jobs.filter((job) => JSON.stringify(job).includes("windows"));
    const through = onWindows.flatMap(({ steps }) => steps.filter(({ run }) => /\bnpm run \S+ -- /.test(run ?? "")));
    expect(through.length).toBeGreaterThan(0);
    for (const { shell } of through) expect(shell).toBe("bash");
  });

  it.skipIf(process.platform === "win32")("publish ten files, the main package after the addons that it needs", () => {
    const published = publish("9.9.9");
    const addons = platforms.map(({ name }) => `./tarballs/tswebtransport-${name}-9.9.9.tgz`);
    expect(published.map((words) => words[1])).toEqual([
      ...addons.toSorted(),
      "./tarballs/tswebtransport-9.9.9.tgz",
      "./tarballs/create-tswebtransport-9.9.9.tgz",
    ]);
    for (const words of published) expect(words.slice(2).join(" ")).toBe("--access public --provenance --tag latest");
  });

  it.skipIf(process.platform === "win32")("publish a pre-release as such", () => {
    for (const words of publish("9.9.9-rc.1")) expect(words.slice(-2)).toEqual(["--tag", "next"]);
  });
});

/** Runs the step that publishes, with an npm that only writes down what it is asked for; nothing is published yet. */
function publish(version: string): string[][] {
  const script = jobs.flatMap(({ steps }) => steps).find(({ name }) => name === "Publish")!.run!;
  const work = mkdtempSync(join(tmpdir(), "publish-"));
  try {
    const names = [...platforms.map(({ name }) => `tswebtransport-${name}`), "tswebtransport", "create-tswebtransport"];
    for (const path of ["bin", "tarballs", "package"]) mkdirSync(join(work, path));
    for (const name of names) {
      writeFileSync(join(work, "package", "package.json"), JSON.stringify({ name, version }));
      const file = join("tarballs", `${name}-${version}.tgz`);
      expect(spawnSync("tar", ["-czf", file, "package/package.json"], { cwd: work }).status).toBe(0);
    }
    const npm = join(work, "bin", "npm");
    writeFileSync(npm, '#!/bin/sh\n[ "$1" = publish ] || exit 1\necho "$@" >> published\n');
    chmodSync(npm, 0o755);
    const { status, stderr } = spawnSync("bash", ["-e", "-c", script], {
      cwd: work,
      encoding: "utf8",
      env: {
        ...process.env,
        PATH: [join(work, "bin"), process.env["PATH"]].join(delimiter),
        GITHUB_REF_NAME: `v${version}`,
        LC_ALL: "C",
      },
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const lines = readFileSync(join(work, "published"), "utf8").trim().split("\n");
    return lines.map((line) => line.split(" "));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
