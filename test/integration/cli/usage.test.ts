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
    expect((await run(["version"])).stdout).toBe(`${version}\n`);
    for (const args of [["--help"], ["help"], ["-h"]]) {
      expect(await run(args)).toMatchObject({
        code: 0,
        stderr: "",
        stdout: expect.stringContaining("Commands:") as string,
      });
    }
    for (const args of [
      ["help", "cert"],
      ["--help", "cert"],
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
    [[""], 'Unknown command "".'],
    [["--version", "extra"], 'Unexpected argument "extra".\nTry: tswebtransport --help'],
    [["help", "cert", "extra"], 'Unexpected argument "extra".'],
    [["--help", "extra"], "Unknown command extra."],
    [["echo", "--host", ""], "--host must not be empty: --host HOST"],
    [["echo", "--host", "no host"], '--host must be a host name or an IP address, not "no host"'],
    [["echo", "--port", "99999"], '--port must be 0 to 65535, not "99999"'],
    [["echo", "--port", "-1"], '--port must be 0 to 65535, not "-1"'],
    [["echo", "--port", "NaN"], '--port must be 0 to 65535, not "NaN"'],
    [["echo", "--port", "1", "--port", "2"], "--port is given twice"],
    [["echo", "--cert", "", "--key", ""], "--cert must not be empty: --cert FILE"],
    [["echo", ""], 'Unexpected argument "".'],
    [["dev", ""], "app.ts must not be empty."],
    [["dev", "--host", ""], "--host must not be empty"],
    [["dev", "--public", ""], "--public must not be empty: --public DIR"],
    [["dev", "--metrics-port", "70000"], '--metrics-port must be 0 to 65535, not "70000"'],
    [["dev", "package.json"], "package.json is no module: name a file of JavaScript or TypeScript"],
    [["dev", "dist/index.js", "--watch", "/nowhere"], "--watch: there is no file or folder /nowhere"],
    [["serve", "dist/index.js", "--host", ""], "--host must not be empty"],
    [["serve", "dist/index.js", "--workers", "two"], '--workers must be 1 to 256, or auto, not "two"'],
    [["serve", "dist/index.js", "--metrics-port", "0", "--metrics-host", "a b"], "--metrics-host must be a host name"],
    [["serve", "dist/index.js", "--metrics-host", "::1"], "--metrics-host needs --metrics-port, too"],
    [["cert", "--out", ""], "--out must not be empty: --out DIR"],
    [["cert", "--days", "0"], '--days must be 1 to 3650, not "0"'],
    [["cert", "--stdout", "--force"], "--stdout and --force exclude each other"],
    [["echo", "--prot", "1"], "Unknown option --prot. Did you mean --port?\nTry: tswebtransport echo --help"],
    [["echo", "--cert", "x"], "--cert needs --key, too"],
    [["serve"], "Error: app.ts is missing."],
    [["connect"], "Error: URL is missing."],
    [["serve", "/nowhere.js"], "There is no file /nowhere.js"],
    [["connect", "http://localhost"], "begins with https:"],
    [["connect", "localhost:1", "--hash", "12"], "--hash must be a SHA-256 of 64 hexadecimal digits"],
    [["connect", "localhost:1", "--header", "connection: close"], "it belongs to HTTP/1.1"],
    [["connect", "localhost:1", "--header", "no header"], "--header"],
    [["connect", ""], "URL must not be empty."],
    [["connect", "localhost:0"], "no server has port 0"],
    [["connect", "localhost:99999"], "a PORT of 1 to 65535"],
    [["connect", "https://user@localhost"], "credentials are not allowed"],
    [["connect", "localhost:1", "--via", ""], '--via must be one of bidi, uni, datagram, not ""'],
    [["connect", "localhost:1", "--ca", ""], "--ca must not be empty: --ca FILE"],
    [["connect", "localhost:1", "--server-name", "a b"], "--server-name must be a host name or an IP address"],
    [["connect", "localhost:1", "--origin", "app.example"], "--origin must be one as browsers send it"],
    [["connect", "localhost:1", "--protocol", "a", "--protocol", "a"], "--protocol has the same name twice"],
    [["connect", "localhost:1", "--timeout", "0"], '--timeout must be 1 to 600000, not "0"'],
    [
      ["connect", "localhost:1", "--close-reason", "x".repeat(1025)],
      "--close-reason must not be longer than 1024 bytes",
    ],
    [["bench", "--only", "nothing"], "--only takes connect, latency"],
    [["bench", "--duration", "0"], '--duration must be 1 to 60, not "0"'],
    [["bench", "--insecure"], "--insecure needs the URL of a server"],
    [["doctor", "--origin", "https://app.example"], "--origin needs the URL of a server"],
    [["doctor", "--key", "key.pem"], "--key needs --cert, too"],
    [["doctor", "localhost:1", "--port", "5"], "--port is for this machine's own port"],
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
