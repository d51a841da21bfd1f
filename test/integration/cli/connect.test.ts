import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { PseudoTerminal, controlC } from "../../support/pseudo-terminal.ts";
import { Program } from "../../support/program.ts";
import { EchoProgram, inFolder, main, run } from "./command-line-program.ts";

describe("tswebtransport connect", () => {
  let echo: EchoProgram;
  beforeAll(async () => {
    echo = await EchoProgram.start();
  });
  afterAll(async () => {
    expect(await echo.program.end("SIGINT")).toBe(0);
  });

  it("sends what --send gives and prints the answers alone", async () => {
    const { code, stdout, stderr } = await run(["connect", ...echo.target, "--send", "one", "--send", "zwölf"]);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "one\nzwölf\n", stderr: "" });
  });

  it("passes standard input through, byte by byte", async () => {
    const bytes = randomBytes(300_000);
    const child = spawn(process.execPath, [main, "connect", echo.url, "--insecure"], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stdin.end(bytes);
    expect(await once(child, "close")).toEqual([0, null]);
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
  });

  it("ends without a word when nobody reads its output any more", async () => {
    const child = spawn(process.execPath, [main, "connect", ...echo.target], { stdio: ["pipe", "pipe", "pipe"] });
    let errors = "";
    child.stderr.on("data", (text: Buffer) => (errors += text.toString()));
    child.stdin.on("error", () => {});
    child.stdout.once("data", () => child.stdout.destroy());
    const feed = (): void => {
      while (child.stdin.writable && child.stdin.write(Buffer.alloc(65_536)));
      child.stdin.once("drain", feed);
    };
    feed();
    expect((await once(child, "close"))[0]).toBe(0);
    expect(errors).toBe("");
  });

  it.each(["bidi", "uni", "datagram"])("ends at Ctrl-C although more could come by %s", async (way) => {
    const child = spawn(process.execPath, [main, "connect", ...echo.target, "--via", way, "--include"], {
      stdio: ["pipe", "ignore", "pipe"],
    });
    child.stdin.write("the first of many\n");
    // It has connected.
    await once(child.stderr, "data");
    child.kill("SIGINT");
    expect(await once(child, "exit")).toEqual([130, null]);
    child.stdin.destroy();
  });

  it.each(["datagram", "uni"])("sends by %s and waits for the answers", async (way) => {
    const { code, stdout } = await run(["connect", ...echo.target, "--via", way, "--send", "a", "--send", "b"]);
    expect(code).toBe(0);
    expect(stdout.split("\n").sort()).toEqual(["", "a", "b"]);
  });

  it("takes commands from a script: streams, codes, datagrams, headers", async () => {
    const input = ["send hello", "open uni", "write 2 text", "finish 2", "reset 9", "headers", "close 7 bye"].join(
      "\n",
    );
    const { code, stdout } = await run(["connect", ...echo.target, "--commands"], { input });
    expect(stdout).toContain("#1 ◀ hello\n#1 ended by the server\n#2 opened (send_only)\n");
    expect(stdout).toContain("Error: there is no stream #9 that can be written");
    expect(stdout).toMatch(/draft: draft-\d+/);
    expect(code).toBe(0);
  });

  it("tells the answer's subprotocol and headers with --include", async () => {
    const { stderr } = await run([
      "connect",
      ...echo.target,
      "-i",
      "--protocol",
      "tswebtransport-bench.v1",
      "--commands",
    ]);
    expect(stderr).toContain("subprotocol: tswebtransport-bench.v1");
  });

  it("fails with 1 when the server refuses, and says what to do", async () => {
    const { code, stderr } = await run(["connect", echo.url.replace("/echo", "/nowhere"), "--insecure", "--send", "x"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Error: .*404.*no WebTransport route/);
    const untrusted = await run(["connect", echo.url, "--send", "x"]);
    expect(untrusted.code).toBe(1);
    expect(untrusted.stderr).toMatch(/^Error: .*its authority is unknown.*\nWith this command: --hash SHA256.*\n$/);
    await inFolder(async (folder) => {
      const { stderr: ofFolder } = await run(["connect", echo.url, "--ca", folder]);
      expect(ofFolder).toContain(`EISDIR: illegal operation on a directory, read '${folder}'. Name the file`);
    });
  });

  it("is a console on a terminal: colours, completion, answers above the prompt, Ctrl-C closes", async () => {
    const terminal = new PseudoTerminal([main, "connect", ...echo.target]);
    try {
      await terminal.shows(/\[32mConnected to/);
      terminal.type("send hello\r");
      await terminal.shows(/#1 ◀ hello\r\n/);
      terminal.type("datag");
      await terminal.shows(/datag/);
      terminal.type("\t");
      await terminal.shows(/datagram/);
      terminal.type(" via a datagram\r");
      await terminal.shows(/datagram ◀ via a datagram/);
      terminal.type("stat");
      await terminal.shows(/stat/);
      terminal.type(controlC);
      expect(await terminal.ended).toBe(0);
    } finally {
      await terminal.kill();
    }
  });
});

describe("tswebtransport connect whose output cannot be written", () => {
  /** An echo server whose log tells how its sessions end. */
  async function withServer(work: (target: readonly string[], server: Program) => Promise<void>): Promise<void> {
    const server = new Program([main, "echo", "--port", "0", "--json"]);
    try {
      const [line] = await server.match(/^\{.*\}$/);
      const { url, sha256 } = JSON.parse(line) as { url: string; sha256: string };
      await work([url, "--hash", sha256, "--close-code", "7", "--close-reason", "bye"], server);
    } finally {
      expect(await server.end("SIGINT")).toBe(0);
    }
  }

  it.each([[[]], [["--via", "uni", "--wait", "10000"]], [["--commands"]]])(
    "closes its session, as %j, when nobody reads it any more",
    async (options) => {
      await withServer(async (target, server) => {
        const child = spawn(process.execPath, [main, "connect", ...target, ...options], {
          stdio: ["pipe", "pipe", "pipe"],
        });
        let errors = "";
        child.stderr.on("data", (text: Buffer) => (errors += text.toString()));
        child.stdin.on("error", () => {});
        child.stdout.destroy();
        // Standard input stays open: nothing but the lost output ends the program.
        child.stdin.write("send text\n");
        if (options.includes("uni")) child.stdin.end();
        expect((await once(child, "close"))[0]).toBe(0);
        expect(errors).toBe("");
        await server.matchError(/ended: code 7 .*by=peer code=7 reason=bye/);
      });
    },
  );

  it.skipIf(process.platform !== "linux")("says so on a full disk, closes its session, and fails", async () => {
    await withServer(async (target, server) => {
      const disk = await open("/dev/full", "w");
      const child = spawn(process.execPath, [main, "connect", ...target, "--send", "x"], {
        stdio: ["ignore", disk.fd, "pipe"],
      });
      let errors = "";
      child.stderr?.on("data", (text: Buffer) => (errors += text.toString()));
      expect((await once(child, "close"))[0]).toBe(1);
      await disk.close();
      expect(errors).toBe("Error: Cannot write the output: ENOSPC: no space left on device, write\n");
      await server.matchError(/ended: code 7 .*by=peer code=7 reason=bye/);
    });
  });
});

describe("tswebtransport connect to a server that has gone", () => {
  it("takes no more commands once Ctrl-C was typed, and ends at once at a second one", async () => {
    const server = await EchoProgram.start();
    const terminal = new PseudoTerminal([main, "connect", ...server.target]);
    try {
      await terminal.shows(/Connected to/);
      await server.program.end("SIGKILL");
      terminal.type(controlC);
      await terminal.shows(/Closing the session/);
      terminal.type(controlC);
      expect(await terminal.ended).toBe(130);
    } finally {
      await terminal.kill();
    }
  });
});

describe("tswebtransport connect to a server that does not answer", () => {
  it("shows its progress after a second, and stops at Ctrl-C", async () => {
    // A socket that nobody reads.
    const { createSocket } = await import("node:dgram");
    const silent = createSocket("udp4");
    silent.bind(0, "127.0.0.1");
    await once(silent, "listening");
    const terminal = new PseudoTerminal([
      main,
      "connect",
      `https://127.0.0.1:${silent.address().port}`,
      "--timeout",
      "60000",
    ]);
    try {
      await terminal.shows(/Connecting to 127\.0\.0\.1:\d+ .*\d s/);
      terminal.type(controlC);
      expect(await terminal.ended).toBe(130);
    } finally {
      await terminal.kill();
      silent.close();
    }
  });
});
