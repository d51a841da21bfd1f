import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { connect } from "../../../src/client/connect.ts";
import { Program } from "../../support/program.ts";
import { main } from "../cli/command-line-program.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const program = join(root, "create", "create.mjs");
const execute = promisify(execFile);

interface Manifest {
  readonly name: string;
  readonly scripts: Readonly<Record<string, string>>;
}

describe("npm create tswebtransport", () => {
  let folder: string;
  let project: string;
  let printed: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tswebtransport-"));
    project = join(folder, "My App");
    ({ stdout: printed } = await execute(process.execPath, [program, "My App"], { cwd: folder }));
    await install();
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  /** As npm does it, with what is here instead of what a registry has. */
  async function install(): Promise<void> {
    const bin = join(project, "node_modules", ".bin");
    await mkdir(bin, { recursive: true });
    await mkdir(join(project, "node_modules", "@types"));
    await symlink(root, join(project, "node_modules", "tswebtransport"), "junction");
    for (const name of ["typescript", "@types/node", "undici-types"]) {
      await symlink(join(root, "node_modules", name), join(project, "node_modules", name), "junction");
    }
    for (const [name, path] of [
      ["tsc", join(root, "node_modules", "typescript", "bin", "tsc")],
      ["tswebtransport", main],
    ] as const) {
      await writeFile(join(bin, name), `#!/bin/sh\nexec '${process.execPath}' '${path}' "$@"\n`);
      await chmod(join(bin, name), 0o755);
    }
  }

  it.skipIf(process.platform !== "linux")("ends where no folder can be made", async () => {
    await expect(execute(process.execPath, [program, "/proc/nowhere/app"], { timeout: 20_000 })).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining("Error: ENOENT") as string,
    });
  });

  it("names the project after its folder, and prints the commands of its scripts", async () => {
    const manifest = JSON.parse(await readFile(join(project, "package.json"), "utf8")) as Manifest;
    expect(manifest.name).toBe("my-app");
    expect(Object.keys(manifest.scripts)).toEqual(["dev", "build", "test", "start"]);
    expect(printed).toContain('cd "My App"\n  npm install\n  npm test ');
    expect(await readdir(project)).toContain(".gitignore");
    for (const path of ["README.md", "public/index.html"]) {
      expect(await readFile(join(project, path), "utf8")).not.toContain("{{");
    }
  });

  it("compiles, and its test passes", async () => {
    const { stdout } = await execute("npm", ["test"], { cwd: project });
    expect(stdout).toMatch(/pass 2\b/);
    expect(stdout).toMatch(/fail 0\b/);
  });

  it("runs in development with what npm test has compiled", async () => {
    const server = new Program([
      ...[main, "dev", join(project, "dist", "app.js"), "--port", "0", "--page-port", "0"],
      ...["--public", join(project, "public")],
    ]);
    try {
      const [page] = await server.match(/http:\/\/localhost:\d+\//);
      expect(await (await fetch(page)).text()).toContain("<title>my-app</title>");
      const { url, certificateHash } = (await (await fetch(`${page}server.json`)).json()) as Record<string, string>;
      const session = await connect(url!.replace("localhost", "127.0.0.1"), {
        serverCertificateHashes: [{ algorithm: "sha-256", value: certificateHash! }],
      });
      const stream = await session.createBidirectionalStream();
      await stream.writeAll("grüße\n");
      expect(new TextDecoder().decode(await stream.readAll())).toBe("GRÜSSE!");
      await session.close();
    } finally {
      expect(await server.end("SIGINT")).toBe(0);
    }
  });

  it("starts in production, with the certificate that its README makes", async () => {
    await execute(process.execPath, [main, "cert"], { cwd: project });
    const pair = ["--cert", join(project, "cert.pem"), "--key", join(project, "key.pem")];
    const server = new Program([main, "serve", join(project, "dist", "app.js"), ...pair, "--port", "0"]);
    try {
      const [, port] = await server.matchError(/Serving on UDP \S+:(\d+)/);
      const session = await connect(`https://127.0.0.1:${port}/shout`, {
        ca: await readFile(join(project, "cert.pem"), "utf8"),
      });
      await session.close();
    } finally {
      expect(await server.end("SIGINT")).toBe(0);
    }
  });

  it("overwrites nothing", async () => {
    await expect(execute(process.execPath, [program, "My App"], { cwd: folder })).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining("is not empty") as string,
    });
    await expect(execute(process.execPath, [program, "a", "b"], { cwd: folder })).rejects.toMatchObject({ code: 2 });
    expect((await execute(process.execPath, [program, "--help"])).stdout).toContain("Usage: npm create tswebtransport");
  });

  it.each([
    [[""], "DIRECTORY must not be empty"],
    [["file"], "is a file: choose another directory"],
    [["--version", "extra"], 'Unexpected argument "extra"'],
    [["--nonsense"], "Unknown option '--nonsense'"],
  ])("refuses %j with exit code 2", async (args, message) => {
    await writeFile(join(folder, "file"), "x");
    await expect(execute(process.execPath, [program, ...args], { cwd: folder })).rejects.toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringMatching(new RegExp(`${message}.*\nTry: npm create tswebtransport -- --help\n$`)) as string,
    });
  });

  it.skipIf(process.platform === "win32").each([
    ["plain", "plain"],
    ["-dash", "dash"],
    ["it's $HOME", "it-s-home"],
    ["tswebtransport", "my-tswebtransport"],
    ["tsx", "my-tsx"],
    ["x".repeat(220), "x".repeat(200)],
    ["…", "my-webtransport-app"],
  ])("makes %j with a command that leads there, and a name that npm takes", async (path, name) => {
    const { stdout } = await execute(process.execPath, [program, "--", path], { cwd: folder });
    const [command = ""] = /cd .*/.exec(stdout) ?? [];
    const { stdout: manifest } = await execute("sh", ["-c", `${command} && cat package.json`], { cwd: folder });
    const { devDependencies, ...others } = JSON.parse(manifest) as Manifest & { devDependencies: object };
    expect(others.name).toBe(name === "my-tsx" && !("tsx" in devDependencies) ? "tsx" : name);
  });

  it("packs everything that it needs", async () => {
    const { stdout } = await execute("npm", ["pack", "--dry-run", "--json"], { cwd: join(root, "create") });
    const packed = Object.values(JSON.parse(stdout) as Record<string, { files: { path: string }[] }>)[0];
    const paths = packed?.files.map(({ path }) => path) ?? [];
    for (const path of [
      "create.mjs",
      "template/gitignore",
      "template/package.json",
      "template/src/app.test.ts",
      "LICENSE",
    ]) {
      expect(paths).toContain(path);
    }
  });
});
