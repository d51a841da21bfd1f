import { stripVTControlCharacters } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { withProgress } from "../../../src/cli/terminal/progress.ts";
import { isColoured } from "../../../src/cli/terminal/style.ts";
import { tableLines } from "../../../src/cli/terminal/table.ts";
import { wrap } from "../../../src/cli/terminal/wrap.ts";
import { Terminal } from "../../../src/cli/terminal/terminal.ts";

class Recorded {
  readonly isTTY: boolean;
  readonly columns: number;
  text = "";
  constructor(isTTY: boolean, columns = 0) {
    this.isTTY = isTTY;
    this.columns = columns;
  }
  write(text: string | Uint8Array): void {
    this.text += typeof text === "string" ? text : new TextDecoder().decode(text);
  }
}

describe("colours", () => {
  it.each([
    [true, {}, true],
    [false, {}, false],
    [true, { TERM: "dumb" }, false],
    [true, { NO_COLOR: "1" }, false],
    [true, { NO_COLOR: "" }, true],
    [false, { FORCE_COLOR: "1" }, true],
    [false, { FORCE_COLOR: "" }, true],
    [true, { FORCE_COLOR: "0" }, false],
    [true, { FORCE_COLOR: "1", NO_COLOR: "1" }, true],
  ])("terminal %j with %j: %j", (isTerminal, environment, expected) => {
    expect(isColoured(isTerminal, environment)).toBe(expected);
  });
});

describe("Terminal", () => {
  it("lets no control characters of a peer's through to a terminal, and all to a pipe", () => {
    const text = "a\u001B[31m\u0007\n\tb";
    expect(new Terminal(new Recorded(true), new Recorded(true), {}).shown(text)).toBe("a\\u001b[31m\\u0007\n\tb");
    expect(new Terminal(new Recorded(false), new Recorded(true), {}).shown(text)).toBe(text);
  });
});

describe("withProgress()", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  async function runFor(milliseconds: number, isTTY: boolean, columns = 0): Promise<string> {
    const [out, errors] = [new Recorded(isTTY), new Recorded(isTTY, columns)];
    const work = (): Promise<string> => new Promise((resolve) => setTimeout(resolve, milliseconds, "done"));
    const result = withProgress(new Terminal(out, errors, {}), "Working", work);
    await vi.advanceTimersByTimeAsync(milliseconds);
    expect(await result).toBe("done");
    expect(out.text).toBe("");
    return errors.text;
  }

  it("says nothing of what takes less than a second", async () => {
    expect(await runFor(999, true)).toBe("");
    expect(await runFor(999, false)).toBe("");
  });

  it("moves on a terminal, tells the seconds, and leaves nothing behind", async () => {
    const text = await runFor(2500, true);
    expect(text).toContain("Working");
    expect(text).toContain("2 s");
    expect(text.endsWith("\r\u001B[K")).toBe(true);
  });

  it("stays in one line of a narrow terminal", async () => {
    const frames = (await runFor(2500, true, 12)).split("\r\u001B[K").map(stripVTControlCharacters);
    for (const frame of frames) expect(frame.length).toBeLessThan(12);
    expect(frames.at(-2)).toMatch(/^. Work… 2 s$/);
  });

  it("is one line elsewhere", async () => {
    expect(await runFor(2500, false)).toBe("Working …\n");
  });

  it("ends with what fails, too", async () => {
    const errors = new Recorded(true);
    const failing = withProgress(new Terminal(new Recorded(true), errors, {}), "Working", async () => {
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    await vi.advanceTimersByTimeAsync(5000);
    expect(errors.text).toBe("");
  });
});

describe("wrap()", () => {
  it("breaks between words, and leaves longer words whole", () => {
    expect(wrap("one two three", 8)).toEqual(["one two", "three"]);
    expect(wrap("a longer-than-that b", 6)).toEqual(["a", "longer-than-that", "b"]);
  });
});

describe("tableLines()", () => {
  it("aligns columns, some to the right, without blanks at the end", () => {
    expect(
      tableLines(
        [
          ["a", "1", ""],
          ["long", "100", "x"],
        ],
        new Set([1]),
      ),
    ).toEqual(["a       1", "long  100  x"]);
  });
});
