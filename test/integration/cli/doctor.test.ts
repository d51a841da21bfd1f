import { createSocket } from "node:dgram";
import { once } from "node:events";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { PseudoTerminal } from "../../support/pseudo-terminal.ts";
import { Program } from "../../support/program.ts";

import { EchoProgram, inFolder, main, run } from "./command-line-program.ts";

interface Report {
  readonly ok: boolean;
  readonly findings: readonly { id: string; severity: string; text: string; remedy?: string }[];
}

async function examine(...args: string[]): Promise<Report & { code: number | null; of: (id: string) => string[] }> {
  const { code, stdout } = await run(["doctor", ...args, "--json"]);
  const report = JSON.parse(stdout) as Report;
  const of = (id: string): string[] =>
    report.findings.filter((finding) => finding.id === id).map(({ severity, text }) => `${severity}: ${text}`);
  return { ...report, code, of };
}

describe("tswebtransport doctor", () => {
  let echo: EchoProgram;
  beforeAll(async () => {
    echo = await EchoProgram.start();
  });
  afterAll(async () => {
    await echo.program.end();
  });

  it("looks at this machine: addon, buffers, an echo by loopback", async () => {
    const report = await examine();
    expect(report.of("addon")).toEqual([expect.stringMatching(/^ok: .*engine native/)]);
    expect(report.of("udp-buffers").join()).toMatch(/UDP/);
    expect(report.of("loopback")).toContainEqual(expect.stringMatching(/^ok: .*127\.0\.0\.1/));
    expect([report.ok, report.code]).toEqual([true, 0]);
  });

  it("says that a port is in use, or refused by browsers", async () => {
    const socket = createSocket("udp6");
    socket.bind(0, "::");
    await once(socket, "listening");
    const report = await examine("--port", String(socket.address().port));
    socket.close();
    expect(report.of("port")).toEqual([expect.stringMatching(/^problem: .*in use/)]);
    expect([report.ok, report.code]).toEqual([false, 1]);
    expect((await examine("--port", "10080")).of("port")).toContainEqual(
      "problem: Browsers refuse to connect to port 10080",
    );
  });

  it("judges a certificate, with a remedy for each problem", async () => {
    await inFolder(async (folder) => {
      await run(["cert", "--out", folder]);
      await run(["cert", "--out", join(folder, "long"), "--days", "90"]);
      const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
      const good = await examine("--cert", cert, "--key", key);
      expect(good.of("certificate")).toEqual([expect.stringMatching(/^ok: .*self-signed, for DNS:localhost.*13 days/)]);
      expect(good.of("key")).toEqual([expect.stringContaining("ok: ")]);
      expect(good.code).toBe(0);
      const bad = await examine("--cert", join(folder, "long", "cert.pem"), "--key", key);
      expect(bad.of("certificate")).toContainEqual(expect.stringMatching(/^problem: .*valid for 90 days/));
      expect(bad.of("key")).toEqual([expect.stringContaining("is not the certificate's key")]);
      expect(bad.of("browsers")).toEqual([expect.stringContaining("problem: Browsers refuse it")]);
      for (const { severity, remedy } of bad.findings) if (severity === "problem") expect(remedy).not.toBeUndefined();
      expect(bad.code).toBe(1);
      expect((await examine("--cert", "/nowhere.pem", "--key", key)).of("certificate")).toEqual([
        expect.stringContaining("problem: Cannot read the certificate: ENOENT"),
      ]);
      const unreadable = await examine("--cert", "/nowhere.pem", "--key", key);
      expect(unreadable.findings.find(({ severity }) => severity === "problem")).toMatchObject({
        remedy: expect.stringContaining("Check the path") as string,
      });
    });
  });

  it("asks a server, and says why it does not answer as it should", async () => {
    const good = await examine(...echo.target);
    expect(good.of("server")).toEqual([expect.stringMatching(/^ok: .*accepted the session: draft-\d+/)]);
    expect(good.of("certificate")).toEqual([expect.stringContaining(echo.sha256)]);
    expect(good.code).toBe(0);
    const untrusted = await examine(echo.url);
    expect(untrusted.of("server")).toEqual([
      expect.stringMatching(/^problem: .*its authority is unknown/),
      expect.stringContaining("ok: "),
    ]);
    expect(untrusted.findings.find(({ id }) => id === "server")?.remedy).toMatch(
      /^With this command: --hash SHA256.*--ca FILE.*a browser's page: .*serverCertificateHashes.*In a program: /,
    );
    expect(untrusted.of("certificate")).toEqual([expect.stringContaining(echo.sha256)]);
    expect(untrusted.code).toBe(1);
    // It has tried again without looking at the certificate, which Node need not warn of.
    expect((await run(["doctor", echo.url])).stderr).toBe("");
    const missing = await examine(echo.url.replace("/echo", "/nowhere"), "--insecure");
    expect(missing.of("server")).toEqual([expect.stringMatching(/^problem: .*404/)]);
    expect(missing.code).toBe(1);
  });

  it("ends with 130 when Ctrl-C comes, and takes that for no fault of the server", async () => {
    const program = new Program([main, "doctor", "https://127.0.0.1:9", "--timeout", "60000"]);
    await program.matchError(/Checking the server/);
    expect(await program.end("SIGINT")).toBe(130);
    expect(program.lines.join("\n")).not.toContain("interrupted");
  });

  it("wraps its findings between words on a terminal", async () => {
    const terminal = new PseudoTerminal([main, "doctor", echo.url], {}, { columns: 50 });
    try {
      expect(await terminal.ended).toBe(1);
      const text = stripVTControlCharacters(terminal.output);
      expect(text).toMatch(/\nproblem {2}Cannot connect to \S+ the\r\n {9}certificate of/);
      expect(text).toMatch(/\r\n {9}→ With this command: --hash SHA256.*\r\n {11}\S/);
    } finally {
      await terminal.kill();
    }
  });

  it("finds nobody at a port where nobody listens", async () => {
    const report = await examine("https://127.0.0.1:9", "--timeout", "300");
    expect(report.of("port")).toEqual(["problem: Browsers refuse to connect to port 9"]);
    expect(report.of("server")).toEqual([expect.stringContaining("problem: Cannot connect to 127.0.0.1:9")]);
    expect(report.code).toBe(1);
  });
});
