import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { connect } from "../../../src/client/connect.ts";
import { Program } from "../../support/program.ts";
import { PseudoTerminal, controlC } from "../../support/pseudo-terminal.ts";
import { appOf, factoryOf } from "./app-source.ts";
import { main, run } from "./command-line-program.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

describe("tswebtransport serve", () => {
  let folder: string;
  let identity: readonly string[];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tswebtransport-"));
    await run(["cert", "--out", folder]);
    await mkdir(join(folder, "node_modules"));
    await symlink(root, join(folder, "node_modules", "tswebtransport"), "junction");
    await writeFile(join(folder, "app.mjs"), appOf("instance"));
    await writeFile(join(folder, "factory.mjs"), factoryOf("factory"));
    identity = ["--cert", join(folder, "cert.pem"), "--key", join(folder, "key.pem")];
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  async function versionAt(port: string): Promise<string> {
    const session = await connect(`https://127.0.0.1:${port}/version`, {
      ca: await readFile(join(folder, "cert.pem"), "utf8"),
    });
    const stream = (await session.incomingUnidirectionalStreams.next()) as
      { readAll(): Promise<Uint8Array> } | undefined;
    const bytes = await stream?.readAll();
    await session.close();
    return new TextDecoder().decode(bytes);
  }

  it("ends when the app has closed, whatever timers the app has left", async () => {
    await writeFile(join(folder, "timer.mjs"), `${appOf("timer")}\nsetInterval(() => {}, 1000);\n`);
    const server = new Program([main, "serve", join(folder, "timer.mjs"), "--port", "0", ...identity]);
    await server.matchError(/Serving on UDP/);
    expect(await server.end("SIGTERM")).toBe(0);
  });

  it("says once why its workers cannot start, and where the app has thrown", async () => {
    const refused = await run(["serve", join(folder, "factory.mjs"), "--port", "0", "--workers", "2"]);
    expect(refused.stderr).toMatch(
      /^Error: Cannot start a worker: Cannot listen without a certificate: [^\n]*\nWith this command: --cert FILE[^\n]*\n$/,
    );
    await writeFile(join(folder, "throws.mjs"), "throw new Error('on purpose');\n");
    const thrown = await run(["serve", join(folder, "throws.mjs"), "--port", "0", "--workers", "2"]);
    expect(thrown.stderr).toMatch(
      /^Error: Cannot start a worker: on purpose\nError: on purpose\n +at .*throws\.mjs:1:7\n/,
    );
    expect(thrown.stderr).not.toContain("AggregateError");
    expect([refused.code, thrown.code]).toEqual([1, 1]);
  });

  it("says which certificate it cannot read", async () => {
    const args = ["serve", join(folder, "factory.mjs"), "--cert", "/nowhere.pem", "--key", "/nowhere.pem"];
    const { code, stderr } = await run(args);
    expect(stderr).toMatch(/^Error: Cannot read the certificate: ENOENT.* Check the path/);
    expect(code).toBe(1);
  });

  it.each([
    ["app.mjs", "instance"],
    ["factory.mjs", "factory"],
  ])("serves %s with the certificate that is given, until Ctrl-C", async (name, version) => {
    const terminal = new PseudoTerminal([main, "serve", join(folder, name), ...identity, "--port", "0"]);
    try {
      const [, port = ""] = await terminal.shows(/Serving on UDP \S+:(\d+)/);
      expect(await versionAt(port)).toBe(version);
      terminal.type(controlC);
      expect(await terminal.ended).toBe(0);
    } finally {
      await terminal.kill();
    }
  });

  it("serves on several processes, and stops them all", async () => {
    const args = ["--port", "0", "--host", "127.0.0.1", "--workers", "2"];
    const server = new Program([main, "serve", join(folder, "factory.mjs"), ...identity, ...args]);
    try {
      const [, port = ""] = await server.matchError(/Serving on UDP \S+:(\d+) with 2 processes/);
      for (let session = 0; session < 4; session += 1) expect(await versionAt(port)).toBe("factory");
    } finally {
      expect(await server.end("SIGTERM")).toBe(0);
    }
  });

  it.each([
    ["one process", []],
    ["two", ["--workers", "2"]],
  ])("serves metrics and health of %s", async (_name, workers) => {
    const server = new Program([
      ...[main, "serve", join(folder, "factory.mjs"), ...identity, ...workers],
      ...["--host", "127.0.0.1", "--port", "0", "--metrics-port", "0"],
    ]);
    try {
      const [, metrics = ""] = await server.matchError(/Metrics: (http:\S+)/);
      const [, port = ""] = await server.matchError(/Serving on UDP \S+:(\d+)/);
      await versionAt(port);
      const text = await (await fetch(metrics)).text();
      expect(text).toContain("# TYPE");
      expect((await fetch(new URL("healthz", metrics))).status).toBe(200);
      const [, dashboard = ""] = await server.matchError(/Dashboard: (http:\S+)/);
      expect(await (await fetch(dashboard)).text()).toContain("<!doctype html>");
      expect(server.errors).not.toContain("Health alert");
    } finally {
      expect(await server.end("SIGINT")).toBe(0);
    }
  });

  it("closes when nobody reads its app's output any more, though the app goes on", async () => {
    await writeFile(join(folder, "chatty.mjs"), `${appOf("chatty")}; setInterval(() => console.log("more"), 1);`);
    const args = [main, "serve", join(folder, "chatty.mjs"), ...identity, "--port", "0"];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    let errors = "";
    child.stderr.on("data", (text: Buffer) => {
      errors += text.toString();
      if (errors.includes("Serving on UDP")) child.stdout.destroy();
    });
    expect((await once(child, "close"))[0]).toBe(0);
    expect(errors).toMatch(/^Serving on UDP [^\n]*\n\S+ INFO the app is closing[^\n]*\n$/);
  });

  it.skipIf(process.platform === "win32")("is no failure when Ctrl-C ends workers that are starting", async () => {
    await writeFile(
      join(folder, "ends.mjs"),
      'process.kill(process.ppid, "SIGINT"); process.kill(process.pid, "SIGKILL"); await new Promise(() => {});',
    );
    const { code, stderr } = await run(["serve", join(folder, "ends.mjs"), ...identity, "--port", "0", "-w", "1"]);
    expect([code, stderr]).toEqual([0, ""]);
  });

  it("says in one sentence which port is in use", async () => {
    const [udp, tcp] = [createSocket("udp6"), createServer()];
    udp.bind(0, "::1");
    tcp.listen(0, "::1");
    await Promise.all([once(udp, "listening"), once(tcp, "listening")]);
    const { port } = tcp.address() as AddressInfo;
    for (const workers of [[], ["--workers", "2"]]) {
      const served = ["serve", join(folder, "factory.mjs"), ...identity, ...workers, "--host", "::1"];
      expect(await run([...served, "--port", String(udp.address().port)])).toEqual({
        code: 1,
        stdout: "",
        stderr: expect.stringMatching(
          /^Error: Cannot listen on \[::1\]:\d+: UDP port \d+ is in use\. [^\n]*\n$/,
        ) as string,
      });
      const metrics = ["--metrics-host", "::1", "--metrics-port", String(port)];
      const { code, stderr } = await run([...served, "--port", "0", ...metrics]);
      expect(stderr).toMatch(
        /(^|\n)Error: Cannot serve the monitor on \[::1\]:\d+: TCP port \d+ is in use\. [^\n]*\n$/,
      );
      expect([code, stderr.includes("   at ")]).toEqual([1, false]);
    }
    udp.close();
    tcp.close();
  });

  it("names few of the exports where none is an app", async () => {
    const { stderr } = await run(["serve", fileURLToPath(new URL("../../../dist/index.js", import.meta.url))]);
    expect(stderr).toMatch(/it exports (\w+, ){4}\w+ and \d+ more\. Write:/);
  });

  it("refuses what it cannot serve, and keeps nothing open", async () => {
    await writeFile(join(folder, "none.mjs"), "export const other = 1;");
    expect(await run(["serve", join(folder, "none.mjs"), ...identity])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("it exports other. Write: export default") as string,
    });
    expect(await run(["serve", join(folder, "app.mjs"), "--port", "0", "--metrics-port", "0"])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/Cannot listen without a certificate.*\nWith this command: --cert FILE/) as string,
    });
    const missing = ["--cert", join(folder, "none.pem"), "--key", join(folder, "key.pem")];
    expect(await run(["serve", join(folder, "app.mjs"), "--port", "0", ...missing])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/none\.pem'.*\nFor development: `npx tswebtransport cert` makes/) as string,
    });
    expect((await run(["serve", join(folder, "app.mjs"), ...identity, "--metrics-host", "::1"])).code).toBe(2);
    const open = ["--port", "0", "--metrics-port", "0", "--metrics-host", "0.0.0.0"];
    expect(await run(["serve", join(folder, "app.mjs"), ...identity, ...open])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/authorize or token is needed[^]*TSWEBTRANSPORT_METRICS_TOKEN\n$/) as string,
    });
  });
});
