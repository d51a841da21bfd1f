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
    text: { type: "string", mayBeEmpty: true, help: "" },
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

  it("takes negative numbers for values, so that their range can be told", () => {
    expect(() => parse("--port", "-1").port("port")).toThrow(new UsageError('--port must be 0 to 65535, not "-1"'));
    expect(parse("--way", "-0.5").text("way")).toBe("-0.5");
  });

  it("refuses the empty string where it says nothing", () => {
    expect(() => parse("--way", "").text("way")).toThrow(new UsageError("--way must not be empty: --way VALUE"));
    expect(() => parse("--header", "a: 1", "--header=").list("header")).toThrow("--header must not be empty");
    expect(() => parse("")).toThrow(new UsageError("An argument must not be empty."));
    expect(parse("--text", "").text("text")).toBe("");
  });

  it.each(["localhost", "::", "192.0.2.7", "dev.example"])("takes %j as a host", (text) => {
    expect(parse("--way", text).host("way")).toBe(text);
  });

  it("takes a zone where a server listens", () => {
    expect(parse("--way", "fe80::1%eth0").host("way", { mayHaveZone: true })).toBe("fe80::1%eth0");
  });

  it.each([" ", "a b", "fe80::1%eth0", "256.1.1.1", "https://a", "a:1", "[::1]"])("refuses %j as a host", (text) => {
    const message = `--way must be a host name or an IP address, not "${text}"`;
    expect(() => parse("--way", text).host("way")).toThrow(new UsageError(message));
  });

  it("takes a word in place of a number", () => {
    const range = { least: 1, most: 256 };
    expect(parse("--way", "auto").integerOr("way", "auto", range)).toBe("auto");
    expect(parse("--way", "2").integerOr("way", "auto", range)).toBe(2);
    expect(parse().integerOr("way", "auto", range)).toBeUndefined();
    expect(() => parse("--way", "").integerOr("way", "auto", range)).toThrow(
      new UsageError('--way must be 1 to 256, or auto, not ""'),
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
    expect(() => both.requireBeside("port", "json")).not.toThrow();
    expect(() => both.requireBeside("json", "port")).toThrow("--json needs --port, too");
  });
});
