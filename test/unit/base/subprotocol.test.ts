import { expect, it } from "vitest";

import { isSubprotocol } from "../../../src/base/subprotocol.ts";

it.each([
  ["a", true],
  [" ~", true],
  ["x".repeat(512), true],
  ["x".repeat(513), false],
  ["", false],
  ["ä", false],
  ["a\n", false],
  ["\x7f", false],
])("%j as a subprotocol's name: %s", (name, expected) => {
  expect(isSubprotocol(name)).toBe(expected);
});
