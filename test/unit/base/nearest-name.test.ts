import { describe, expect, it } from "vitest";

import { nearestName } from "../../../src/base/nearest-name.ts";

describe("nearestName()", () => {
  const known = ["ca", "cert", "certfile", "maxRetries", "serverName"];

  it.each([
    ["CA", "ca"],
    ["servername", "serverName"],
    ["maxRetrys", "maxRetries"],
    ["certFile", "certfile"],
    ["cret", "cert"],
    ["certt", "cert"],
    ["colour", undefined],
    ["", undefined],
  ])("takes %s for %s", (name, meant) => {
    expect(nearestName(name, known)).toBe(meant);
  });
});
