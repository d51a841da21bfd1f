import { afterEach, describe, expect, it, vi } from "vitest";

import { consoleLogger, loggerOf, LogLevel } from "../../../src/config/logger.ts";
import type { Logger } from "../../../src/config/logger.ts";

function levelsOf(values: { logLevel: LogLevel; debug: boolean }): string[] {
  const levels: string[] = [];
  const note = (level: string) => () => void levels.push(level);
  const logger: Logger = { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };
  const filtered = loggerOf({ logger, ...values });
  for (const level of ["debug", "info", "warn", "error"] as const) filtered[level]({}, "");
  return levels;
}

describe("loggerOf()", () => {
  it.each([
    ["debug", ["debug", "info", "warn", "error"]],
    ["info", ["info", "warn", "error"]],
    ["warn", ["warn", "error"]],
    ["error", ["error"]],
    ["silent", []],
  ] as const)("leaves out what is below %s", (logLevel, expected) => {
    expect(levelsOf({ logLevel, debug: false })).toEqual(expected);
  });

  it("leaves out nothing with debug", () => {
    expect(levelsOf({ logLevel: LogLevel.WARN, debug: true })).toEqual(["debug", "info", "warn", "error"]);
  });

  it.each([
    [
      "throws",
      (): never => {
        throw new Error("disk full");
      },
    ],
    ["rejects", (): unknown => Promise.reject(new Error("disk full"))],
  ])("keeps what a logger %s from its caller, and warns once", async (_, log) => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    try {
      const logger = loggerOf({
        logger: { debug: log, info: log, warn: log, error: log },
        logLevel: "info",
        debug: false,
      });
      logger.info({}, "first");
      logger.error({}, "second");
      await new Promise(setImmediate);
      expect(warned).toHaveBeenCalledOnce();
      expect(String(warned.mock.calls[0]?.[0])).toMatch(/The logger failed.*disk full/);
    } finally {
      warned.mockRestore();
    }
  });
});

describe("consoleLogger", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("writes one line, and no character of a peer's that controls a terminal", () => {
    const lines: unknown[] = [];
    vi.spyOn(console, "error").mockImplementation((line) => void lines.push(line));
    const evil = "a\u001b]0;title\u0007\r\nb\u202ec";
    consoleLogger.warn({ path: evil, status: 421, none: undefined, big: 7n }, `refused: ${evil}`);
    expect(lines).toEqual([
      expect.stringMatching(
        /^[\d:.TZ-]+ WARN refused: a\\u001b\]0;title\\u0007\\u000d\\u000ab\\u202ec path="a.*b\\u202ec" status=421 big=7$/,
      ),
    ]);
    expect(String(lines[0])).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  it("writes an error with its stack on the same line", () => {
    const lines: unknown[] = [];
    vi.spyOn(console, "error").mockImplementation((line) => void lines.push(line));
    consoleLogger.error({ error: new Error("broken") }, "a handler failed");
    expect(String(lines[0])).toMatch(/ ERROR a handler failed error="Error: broken\\n {4}at /);
    expect(String(lines[0])).not.toContain("\n");
  });

  it("writes what cannot be written as JSON, too", () => {
    const lines: unknown[] = [];
    vi.spyOn(console, "error").mockImplementation((line) => void lines.push(line));
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    consoleLogger.error({ error: circular, other: [1n], last: Object.create(null) as object }, "a handler failed");
    expect(String(lines[0])).toMatch(/ a handler failed error="\[object Object\]" other="1" last=\{\}$/);
  });
});
