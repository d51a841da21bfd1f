import { describe, expect, it } from "vitest";

import { inheritedArguments } from "../../../src/cluster/workers/inherited-arguments.ts";

describe("inheritedArguments()", () => {
  it.each([
    [
      ["--import", "tsx", "-r", "./before.js", "--max-old-space-size=512"],
      ["--import", "tsx", "-r", "./before.js", "--max-old-space-size=512"],
    ],
    [["--inspect", "--enable-source-maps"], ["--enable-source-maps"]],
    [["--inspect-port", "9230", "--enable-source-maps"], ["--enable-source-maps"]],
    [["--inspect-port=0", "--watch-path", "./src", "--watch"], []],
    [
      ["--input-type", "module", "-e", "run()", "-C", "development"],
      ["-C", "development"],
    ],
    [["--input-type=module", "--eval", "run()"], []],
    [["--test-name-pattern", "cluster", "--test", "--no-warnings"], ["--no-warnings"]],
  ])("of %j are %j", (given, expected) => {
    expect(inheritedArguments(given)).toEqual(expected);
  });
});
