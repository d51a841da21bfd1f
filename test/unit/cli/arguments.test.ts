import { describe, expect, it } from "vitest";

import { Arguments } from "../../../src/cli/arguments.ts";
import type { ArgumentsShape } from "../../../src/cli/arguments.ts";
import { UsageError } from "../../../src/cli/usage-error.ts";

const shape: ArgumentsShape = {
  positionals: { least: 0, most: 1 },
  options: {
    port: { type: "string", short: "p", value: "PORT", help: "" },
    header: { type: "string", multiple: true, help: "" },
    json: { type: "boolean", help: "" },
    way: { type: "string", help: "" },
  },
};

const parse = (...args: string[]): Arguments => new Arguments(args, shape);

describe("Arguments", () => {
  it("gives what was given, in every spelling", () => {
    for (const args of [["--port", "5"], ["--port=5"], ["-p", "5"], ["-p5"]]) {
      expect(parse(...args).port("port")).toBe(5);
    }
    const args = parse("app.ts", "--json", "--header", "a: 1", "--header=b: 2");
    expect(args.positionals).toEqual(["app.ts"]);
    expect(args.flag("json")).toBe(true);
    expect(args.list("header")).toEqual(["a: 1", "b: 2"]);
    expect(args.text("way")).toBeUndefined();
    expect(args.port("port")).toBeUndefined();
  });

  it("takes what stands behind -- as it is, and values that begin with a dash behind =", () => {
    expect(parse("--", "--json").positionals).toEqual(["--json"]);
    expect(parse("--way=-5").text("way")).toBe("-5");
    expect(parse("--way", "-").text("way")).toBe("-");
  });

  it.each([
    [["--prot", "5"], "Unknown option --prot. Did you mean --port?"],
    [["--nothing-like-it"], "Unknown option --nothing-like-it."],
    [["--constructor"], "Unknown option --constructor."],
    [["-x"], "Unknown option -x."],
    [["--port"], "--port needs a value: --port PORT"],
    [["--port", "--json"], "--port needs a value: --port PORT"],
    [["--json=yes"], '--json takes no value, but has "yes"'],
    [["--port", "1", "-p", "2"], "-p is given twice"],
    [["one", "two"], 'Unexpected argument "two".'],
  ])("refuses %j", (args, message) => {
    expect(() => parse(...args)).toThrow(new UsageError(message));
  });

  it("asks for what must be there", () => {
    expect(() => new Arguments([], { ...shape, positionals: { least: 1, most: 1 } })).toThrow(
      "An argument is missing.",
    );
  });

  it.each(["-1", "65536", "4.5", "0x10", "", "99999999999999999999"])("refuses %j as a port", (text) => {
    expect(() => parse(`--port=${text}`).port("port")).toThrow(`--port must be 0 to 65535, not "${text}"`);
  });

  it("checks choices, and options that belong together", () => {
    expect(parse("--way", "a").choice("way", ["a", "b"])).toBe("a");
    expect(() => parse("--way", "c").choice("way", ["a", "b"])).toThrow('--way must be one of a, b, not "c"');
    const both = parse("--way", "a", "--json");
    expect(() => both.refuseTogether("way", "json")).toThrow("--way and --json exclude each other");
    expect(() => both.requireTogether("way", "json")).not.toThrow();
    expect(() => both.requireTogether("port", "json")).toThrow("--json needs --port, too");
  });
});
