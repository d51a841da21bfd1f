import fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  chosenProtocol,
  offeredProtocols,
  protocolsFault,
  serializeProtocol,
  serializeProtocols,
} from "../../../../src/protocol/webtransport/subprotocols.ts";

const offered = (lines: readonly string[], tokens = false) =>
  offeredProtocols(
    lines.map((line) => ["wt-available-protocols", line] as const),
    tokens,
  );

const printable = fc.string({
  unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 1,
});

describe("offeredProtocols()", () => {
  it.each([
    ["several members", ['"moq-00", "moq-01"'], ["moq-00", "moq-01"]],
    ["several lines", ['"a"', '"b","c"'], ["a", "b", "c"]],
    ["spaces and tabs around commas", [' "a" ,\t"b" '], ["a", "b"]],
    ["escapes", [String.raw`"a\"b\\c"`], [String.raw`a"b\c`]],
    ["parameters", ['"a";q=0.5;x=?1;y=:AQID:;z="s";w=tok, "b";k'], ["a", "b"]],
    ["a member twice", ['"a", "b", "a"'], ["a", "b"]],
    ["an empty string", ['""'], [""]],
    ["nothing", [""], []],
  ])("takes %s", (_, lines, expected) => {
    expect(offered(lines)).toEqual(expected);
  });

  it.each([
    ["a token", '"a", b'],
    ["an integer", '"a", 1'],
    ["a decimal", "1.5"],
    ["an inner list", '("a" "b")'],
    ["an inner list of one string", '"a", ("b")'],
    ["a boolean", '?1, "a"'],
    ["bytes", ":AQID:"],
    ["a date", "@1659578233"],
    ["a display string", '%"a"'],
    ["a string that does not end", '"a'],
    ["an escape of nothing", String.raw`"a\b"`],
    ["a character that is not ASCII", '"ä"'],
    ["a control character", '"a\u0001"'],
    ["no comma", '"a" "b"'],
    ["a comma too many", '"a",'],
    ["a comma alone", ","],
    ["bad parameters", '"a";Q=1'],
    ["bad bytes in a parameter", '"a";q=:%:'],
    ["single quotes", "'a'"],
  ])("ignores the whole field for %s", (_, line) => {
    expect(offered([line])).toEqual([]);
    expect(offered(['"ok"', line])).toEqual([]);
  });

  it("ignores a field that is too long", () => {
    expect(offered([`"${"a".repeat(10_238)}"`])).toHaveLength(1);
    expect(offered([`"${"a".repeat(10_239)}"`])).toEqual([]);
  });

  it("takes tokens of the drafts that had them", () => {
    expect(offered(["moq-00, b/c"], true)).toEqual(["moq-00", "b/c"]);
    expect(offered(['moq-00, "b", 1'], true)).toEqual([]);
    expect(offered(["moq-00"], false)).toEqual([]);
  });

  it("is nothing without the field", () => {
    expect(offeredProtocols([["wt-protocol", '"a"']], false)).toEqual([]);
  });

  it("never throws, whatever the field holds", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.boolean(), (field, tokens) => {
        expect(Array.isArray(offered([field], tokens))).toBe(true);
      }),
    );
  });

  it("gives what serializeProtocols() was given", () => {
    fc.assert(
      fc.property(fc.uniqueArray(printable, { maxLength: 8 }), (protocols) => {
        expect(offered([serializeProtocols(protocols)])).toEqual(protocols);
      }),
    );
  });
});

describe("chosenProtocol()", () => {
  const chosen = (lines: readonly string[], tokens = false) =>
    chosenProtocol(
      lines.map((line) => ["wt-protocol", line] as const),
      tokens,
    );

  it("takes a string, with or without parameters", () => {
    expect(chosen(['"moq-00"'])).toBe("moq-00");
    expect(chosen(['"moq-00";x=1'])).toBe("moq-00");
    expect(chosen(["moq-00"], true)).toBe("moq-00");
  });

  it.each([[[]], [["moq-00"]], [['"a", "b"']], [['"a"', '"b"']], [["1"]], [['("a")']], [['"a']], [[""]]])(
    "takes none from %j",
    (lines) => {
      expect(chosen(lines)).toBeUndefined();
    },
  );

  it("gives what serializeProtocol() was given", () => {
    fc.assert(
      fc.property(printable, (protocol) => {
        expect(chosen([serializeProtocol(protocol)])).toBe(protocol);
      }),
    );
  });
});

describe("protocolsFault()", () => {
  it("finds none in different names of 1 to 512 printable characters", () => {
    expect(protocolsFault([])).toBeUndefined();
    expect(protocolsFault(["a", "A", " ", "~".repeat(512)])).toBeUndefined();
  });
  it.each([
    ["empty", [""]],
    ["512", ["a".repeat(513)]],
    ["ASCII", ["ä"]],
    ["ASCII", ["a\n"]],
    ["twice", ["a", "b", "a"]],
  ])("names %s as the fault", (word, protocols) => {
    expect(protocolsFault(protocols)).toContain(word);
  });
});
