import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { PseudoTerminal, controlC } from "../../support/pseudo-terminal.ts";
import { EchoProgram, main, run } from "./command-line-program.ts";

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
