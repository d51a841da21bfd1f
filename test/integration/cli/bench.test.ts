import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { PseudoTerminal, controlC } from "../../support/pseudo-terminal.ts";
import { Program } from "../../support/program.ts";
import { EchoProgram, main, run } from "./command-line-program.ts";

interface Report {
  readonly results: Readonly<
    Record<string, { count?: number; perSecond?: number; latency?: object; failure?: string }>
  >;
}

describe("tswebtransport bench", () => {
  let echo: EchoProgram;
  beforeAll(async () => {
    echo = await EchoProgram.start();
  });
  afterAll(async () => {
    await echo.program.end();
  });

  it("measures everything of a server of ours, as JSON", async () => {
    const { code, stdout } = await run(["bench", ...echo.target, "--duration", "1", "--json"]);
    const { results } = JSON.parse(stdout) as Report;
    expect(Object.keys(results)).toEqual(["connect", "latency", "streams", "datagrams", "up", "down"]);
    for (const result of Object.values(results)) {
      expect(result.failure).toBeUndefined();
      expect(result.count).toBeGreaterThan(0);
      expect(result.perSecond).toBeGreaterThan(0);
    }
    expect(results["latency"]?.latency).toMatchObject({
      p50: expect.any(Number) as number,
      p99: expect.any(Number) as number,
    });
    expect(code).toBe(0);
  });

  it("measures what comes back from any other one that echoes", async () => {
    const program = new Program([
      "--input-type=module",
      "--eval",
      `import { createDevelopmentServer, echoHandler } from ${JSON.stringify(new URL("../../../dist/index.js", import.meta.url).href)};
       const app = createDevelopmentServer({ port: 0, pagePort: 0, config: { logLevel: "warn" } });
       app.route("/echo", echoHandler);
       await app.listen();
       console.log(app.url);
       await app.run();`,
    ]);
    try {
      const [url] = await program.match(/https:.*/);
      const { code, stdout } = await run(["bench", url, "-k", "-d", "1", "--only", "latency,echo", "--json"]);
      expect(Object.values((JSON.parse(stdout) as Report).results).every(({ count = 0 }) => count > 0)).toBe(true);
      expect(code).toBe(0);
    } finally {
      await program.end();
    }
  });

  it("fails when the route does not echo", async () => {
    const args = ["bench", echo.url.replace("/echo", "/health"), "-k", "-d", "1", "--only", "latency", "--json"];
    const { code, stdout } = await run(args);
    expect((JSON.parse(stdout) as Report).results["latency"]?.failure).toContain("does this route echo?");
    expect(code).toBe(1);
  });

  it("starts a server of its own, draws a table on a terminal, and stops at Ctrl-C", async () => {
    const terminal = new PseudoTerminal([main, "bench", "--duration", "30"]);
    try {
      await terminal.shows(/connect +[\d.]+ \/s[^\n]*…/);
      terminal.type(controlC);
      expect(await terminal.ended).toBe(130);
      // It moved up to draw the table again.
      expect(terminal.output).toContain("\u001B[7A");
    } finally {
      await terminal.kill();
    }
  });

  it("draws its table once at the end where the terminal is too low for it", async () => {
    const args = [main, "bench", ...echo.target, "--duration", "1", "--only", "connect"];
    const terminal = new PseudoTerminal(args, {}, { rows: 2 });
    try {
      expect(await terminal.ended).toBe(0);
      expect(terminal.output).not.toMatch(/\[\d+A/);
      expect(terminal.output.match(/connect +[\d.]+ \/s/g)).toHaveLength(1);
    } finally {
      await terminal.kill();
    }
  });
});
