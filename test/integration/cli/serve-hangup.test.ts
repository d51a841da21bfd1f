import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { connect } from "../../../src/client/connect.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";
import { Program } from "../../support/program.ts";
import { main, run } from "./command-line-program.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** An app that tells each stream of a session which process and which version of the code serve it. */
function appOf(version: string): string {
  return `
import { ServerApp } from "tswebtransport";
export default (config) => {
  const app = new ServerApp({ config });
  app.route("/who", async (session) => {
    for await (const stream of session.incomingBidirectionalStreams) {
      await stream.writeAll(JSON.stringify({ pid: process.pid, version: ${JSON.stringify(version)} }));
    }
  });
  return app;
};
`;
}

/** The same; its module is not loaded before this file is there. */
function waitingAppOf(version: string, file: string): string {
  return `
import { existsSync, writeSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
writeSync(1, "loading\\n");
while (!existsSync(${JSON.stringify(file)})) await setTimeout(5);
${appOf(version)}`;
}

async function whoServes(session: WebTransportSession): Promise<{ readonly pid: number; readonly version: string }> {
  const stream = await session.createBidirectionalStream();
  stream.finish();
  return JSON.parse(new TextDecoder().decode(await stream.readAll())) as { pid: number; version: string };
}

async function until(isIt: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await isIt())) {
    if (performance.now() > deadline) throw new Error("It has not come to pass within 30 seconds");
  }
}

describe("tswebtransport serve, on SIGHUP", () => {
  let folder: string;
  let app: string;
  let identity: readonly string[];
  const cert = (): Promise<string> => readFile(join(folder, "cert.pem"), "utf8");
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "tswebtransport-"));
    app = join(folder, "app.mjs");
    await run(["cert", "--out", folder]);
    await mkdir(join(folder, "node_modules"));
    await symlink(root, join(folder, "node_modules", "tswebtransport"), "junction");
    await writeFile(app, appOf("one"));
    identity = ["--cert", join(folder, "cert.pem"), "--key", join(folder, "key.pem")];
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  async function serve(...args: readonly string[]): Promise<{ server: Program; port: string }> {
    const server = new Program([main, "serve", app, ...identity, "--host", "127.0.0.1", "--port", "0", ...args]);
    const [, port = ""] = await server.matchError(/Serving on UDP \S+:(\d+)/);
    return { server, port };
  }

  function open(port: string, ca: string): Promise<WebTransportSession> {
    return connect(`https://127.0.0.1:${port}/who`, { ca, maxRetries: 0 });
  }

  /** The error of a client that trusts this certificate alone; undefined when it gets a session. */
  async function refusalOf(port: string, ca: string): Promise<unknown> {
    try {
      await (await open(port, ca)).close();
      return undefined;
    } catch (error) {
      return error;
    }
  }

  it("reads the certificate again: new clients get the new one, sessions live on", async () => {
    const { server, port } = await serve();
    try {
      const before = await cert();
      const session = await open(port, before);
      await run(["cert", "--out", folder, "--force"]);
      const after = await cert();
      expect(await refusalOf(port, after)).toMatchObject({ code: "ERR_WT_CERTIFICATE_REFUSED" });
      server.child.kill("SIGHUP");
      await server.matchError(/new handshakes get another certificate/);
      expect(await refusalOf(port, after)).toBeUndefined();
      expect(await refusalOf(port, before)).toMatchObject({ code: "ERR_WT_CERTIFICATE_REFUSED" });
      expect(await whoServes(session)).toEqual({ pid: server.child.pid, version: "one" });
      await session.close();
    } finally {
      expect(await server.end()).toBe(0);
    }
  });

  it("serves the old certificate on when the new one cannot be read, and says so", async () => {
    const { server, port } = await serve();
    try {
      const before = await cert();
      await writeFile(join(folder, "cert.pem"), "no certificate");
      server.child.kill("SIGHUP");
      await server.matchError(/The certificate is not renewed: /);
      await rm(join(folder, "cert.pem"));
      server.child.kill("SIGHUP");
      await server.matchError(/The certificate is not renewed: [^\n]*ENOENT/);
      expect(await refusalOf(port, before)).toBeUndefined();
    } finally {
      expect(await server.end()).toBe(0);
    }
  });

  it("replaces the processes of --workers one after the other: no connect fails, no session is lost", async () => {
    const { server, port } = await serve("--workers", "2");
    try {
      const ca = await cert();
      const held = await open(port, ca);
      const old = await whoServes(held);
      await writeFile(app, appOf("two"));
      server.child.kill("SIGHUP");
      const pids = new Set<number>();
      await until(async () => {
        const session = await open(port, ca);
        const { pid, version } = await whoServes(session);
        await session.close();
        if (version === "two") pids.add(pid);
        return pids.size === 2;
      });
      expect(pids).not.toContain(old.pid);
      expect(await whoServes(held)).toEqual(old);
      await held.close();
    } finally {
      expect(await server.end()).toBe(0);
    }
  });

  it("keeps the processes that run when the new code does not start", async () => {
    const { server, port } = await serve("--workers", "2");
    try {
      const ca = await cert();
      await writeFile(app, "throw new Error('this version is broken');");
      server.child.kill("SIGHUP");
      await server.matchError(/could not be restarted; what ran before runs on.*this version is broken/);
      const session = await open(port, ca);
      expect((await whoServes(session)).version).toBe("one");
      await session.close();
    } finally {
      expect(await server.end()).toBe(0);
    }
  });

  it.each([
    ["the app is loaded", []],
    ["its processes start", ["--workers", "1"]],
  ])("does not end while %s", async (_when, workers) => {
    const go = join(folder, "go");
    await writeFile(app, waitingAppOf("one", go));
    const args = ["--host", "127.0.0.1", "--port", "0", ...workers];
    const server = new Program([main, "serve", app, ...identity, ...args]);
    try {
      await server.match(/^loading$/);
      server.child.kill("SIGHUP");
      await writeFile(go, "");
      await server.matchError(/Serving on UDP \S+:\d+( with 1 process)?\n/);
    } finally {
      await writeFile(go, "");
      expect(await server.end()).toBe(0);
    }
  });
});
