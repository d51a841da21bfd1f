import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { connect } from "../../../src/client/connect.ts";
import { PseudoTerminal, controlC } from "../../support/pseudo-terminal.ts";
import { Program } from "../../support/program.ts";
import { appOf } from "./app-source.ts";
import { main } from "./command-line-program.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

interface ServerInfo {
  readonly url: string;
  readonly certificateHash: string;
  readonly state: string;
  readonly instance: string;
  readonly paths: readonly string[];
  readonly problem?: string;
}

describe("tswebtransport dev", () => {
  it("says once, in a line of its own, that it closes", async () => {
    const args = [main, "dev", "--port", "0", "--page-port", "0", "--metrics-port", "0"];
    const terminal = new PseudoTerminal(args, { NO_COLOR: "1" });
    try {
      await terminal.shows(/Ctrl-C stops the server/);
      terminal.type(controlC);
      expect(await terminal.ended).toBe(0);
      const [, end = ""] = terminal.output.split("\u005EC");
      expect(end).toMatch(/^\r\n\S+ INFO the app is closing[^\n]*\n$/);
    } finally {
      await terminal.kill();
    }
  });
});

describe("tswebtransport dev app.js", () => {
  let folder: string;
  let app: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "tswebtransport-"));
    app = join(folder, "src", "app.js");
    await mkdir(join(folder, "node_modules"));
    await mkdir(join(folder, "public"));
    await mkdir(dirname(app));
    await symlink(root, join(folder, "node_modules", "tswebtransport"), "junction");
    await writeFile(join(folder, "package.json"), '{"type":"module"}');
    await writeFile(app, appOf("one"));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  async function start(
    ...args: string[]
  ): Promise<{ program: Program; page: string; info: () => Promise<ServerInfo> }> {
    const program = new Program([main, "dev", app, "--port", "0", "--page-port", "0", ...args]);
    const [page] = await program.match(/http:\/\/localhost:\d+\//);
    const info = async (): Promise<ServerInfo> => (await fetch(`${page}server.json`)).json() as Promise<ServerInfo>;
    return { program, page, info };
  }

  async function until(info: () => Promise<ServerInfo>, isIt: (server: ServerInfo) => boolean): Promise<ServerInfo> {
    const deadline = performance.now() + 30_000;
    for (;;) {
      const server = await info();
      if (isIt(server)) return server;
      if (performance.now() > deadline) throw new Error(`It stays ${JSON.stringify(server)}`);
    }
  }

  async function versionOf({ url, certificateHash }: ServerInfo): Promise<string> {
    const session = await connect(url.replace("localhost", "127.0.0.1"), {
      serverCertificateHashes: [{ algorithm: "sha-256", value: certificateHash }],
    });
    for await (const stream of session.incomingUnidirectionalStreams) {
      const text = new TextDecoder().decode(await stream.readAll());
      await session.close();
      return text;
    }
    throw new Error("no stream");
  }

  it("runs it again after a change, at the same address with the same certificate", async () => {
    const { program, info } = await start();
    try {
      const before = await info();
      expect(before).toMatchObject({ state: "serving", paths: ["/version"] });
      expect(await versionOf(before)).toBe("one");
      await writeFile(app, appOf("two"));
      const after = await until(info, ({ state, instance }) => state === "serving" && instance !== before.instance);
      expect([after.url, after.certificateHash]).toEqual([before.url, before.certificateHash]);
      expect(await versionOf(after)).toBe("two");
    } finally {
      expect(await program.end("SIGINT")).toBe(0);
    }
  });

  it("shows the monitor's dashboard, at one address for every process of the app", async () => {
    const { program, info } = await start("--metrics-port", "0");
    try {
      const [, url = ""] = await program.match(/Monitor: +(http:\/\/localhost:\d+\/)/);
      const before = await info();
      const page = await fetch(url);
      expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
      expect((await fetch(`${url}assets/uplot.js`)).status).toBe(200);
      await writeFile(app, appOf("two"));
      await until(info, ({ state, instance }) => state === "serving" && instance !== before.instance);
      expect(await (await fetch(`${url}api/sessions`)).json()).toMatchObject({ total: 0 });
    } finally {
      expect(await program.end("SIGINT")).toBe(0);
    }
  });

  it("shows where a syntax error is, and waits until it is mended", async () => {
    const { program, info } = await start();
    try {
      await writeFile(app, "const broken = ;");
      const failed = await until(info, ({ state }) => state === "failed");
      expect(failed.problem).toContain("SyntaxError");
      expect(program.errors).toContain("const broken = ;");
      await writeFile(app, appOf("mended"));
      expect(await versionOf(await until(info, ({ state }) => state === "serving"))).toBe("mended");
    } finally {
      expect(await program.end("SIGTERM")).toBe(0);
    }
  });

  it("starts with a syntax error, too, and watches new folders", async () => {
    await writeFile(app, "const broken = ;");
    const terminal = new PseudoTerminal([main, "dev", app, "--port", "0", "--page-port", "0"]);
    try {
      await terminal.shows(/The app does not run/);
      await mkdir(join(folder, "src", "parts"));
      await writeFile(join(folder, "src", "parts", "version.js"), 'export const version = "part";');
      await writeFile(app, `import "./parts/version.js";${appOf("one")}`);
      await terminal.shows(/WebTransport: +https:/);
      await writeFile(join(folder, "src", "parts", "version.js"), 'export const version = "changed";');
      await terminal.shows(/again/);
      terminal.type(controlC);
      expect(await terminal.ended).toBe(0);
    } finally {
      await terminal.kill();
    }
  });

  it("serves a folder instead of its page, and nothing outside of it", async () => {
    await writeFile(join(folder, "public", "index.html"), "<title>Mine</title>");
    await writeFile(join(folder, "public", ".secret"), "x");
    await symlink(join(folder, "package.json"), join(folder, "public", "link.json"));
    const { program, page } = await start("--public", join(folder, "public"));
    try {
      const index = await fetch(page);
      expect([index.status, await index.text()]).toEqual([200, "<title>Mine</title>"]);
      expect(index.headers.get("content-type")).toBe("text/html; charset=utf-8");
      for (const path of [
        ".secret",
        "link.json",
        "..%2fpackage.json",
        "%2e%2e/package.json",
        "nothing",
        "page.js",
        "%ff",
        "%00",
      ]) {
        expect([path, (await fetch(page + path)).status]).toEqual([path, 404]);
      }
    } finally {
      expect(await program.end("SIGINT")).toBe(0);
    }
  });
});
