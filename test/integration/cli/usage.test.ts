import { spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";

import { main, run } from "./command-line-program.ts";

describe("the command line", () => {
  it("prints its help and its version, on standard output", async () => {
    const { version } = JSON.parse(await readFile(new URL("../../../package.json", import.meta.url), "utf8")) as {
      version: string;
    };
    expect(await run(["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
    for (const args of [["--help"], ["help"], ["-h"]]) {
      expect(await run(args)).toMatchObject({
        code: 0,
        stderr: "",
        stdout: expect.stringContaining("Commands:") as string,
      });
    }
    for (const args of [
      ["help", "cert"],
      ["cert", "--help"],
      ["cert", "--nonsense", "-h"],
    ]) {
      expect(await run(args)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("tswebtransport cert") as string,
      });
    }
  });

  it.each([
    [[], "Commands:"],
    [["conect"], "Error: Unknown command conect. Did you mean connect?\nTry: tswebtransport --help"],
    [["--verion"], "Unknown option --verion. Did you mean --version?"],
    [["constructor"], "Unknown command constructor."],
    [["echo", "--prot", "1"], "Unknown option --prot. Did you mean --port?\nTry: tswebtransport echo --help"],
    [["echo", "--cert", "x"], "--cert needs --key, too"],
    [["serve"], "Error: app.ts is missing."],
    [["connect"], "Error: URL is missing."],
    [["serve", "/nowhere.js"], "There is no file /nowhere.js"],
    [["connect", "http://localhost"], "begins with https:"],
    [["connect", "localhost:1", "--hash", "12"], "--hash must be a SHA-256 of 64 hexadecimal digits"],
    [["connect", "localhost:1", "--header", "connection: close"], "it belongs to HTTP/1.1"],
    [["connect", "localhost:1", "--header", "no header"], "--header"],
    [["bench", "--only", "nothing"], "--only takes connect, latency"],
    [["dev", "--public", "/nowhere"], "There is no folder /nowhere"],
    [["dev-worker", "app.js"], "is started by"],
  ])("refuses %j with exit code 2", async (args, message) => {
    const { code, stdout, stderr } = await run(args);
    expect(stderr).toContain(message);
    expect([code, stdout]).toEqual([2, ""]);
  });

  it("has no colours in a pipe, and those that FORCE_COLOR asks for", async () => {
    expect((await run(["--help"], { env: { FORCE_COLOR: "0" } })).stdout).not.toContain("\u001B");
    expect((await run(["--help"], { env: { FORCE_COLOR: "1" } })).stdout).toContain("\u001B[1m");
  });

  it.skipIf(process.platform !== "linux")("says that its output cannot be written, without a stack", async () => {
    const disk = await open("/dev/full", "w");
    const child = spawn(process.execPath, [main, "--help"], { stdio: ["ignore", disk.fd, "pipe"] });
    const errors = child.stderr === null ? "" : text(child.stderr);
    const [stderr] = await Promise.all([errors, once(child, "exit")]);
    await disk.close();
    expect([child.exitCode, stderr]).toEqual([
      1,
      "Error: Cannot write the output: ENOSPC: no space left on device, write\n",
    ]);
  });
});
