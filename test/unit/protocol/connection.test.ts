import { describe, expect, it } from "vitest";

import { ProtocolConnection } from "../../../src/protocol/index.ts";

type Arguments = ConstructorParameters<typeof ProtocolConnection>;

function made(...args: readonly unknown[]): ProtocolConnection {
  return new ProtocolConnection(...(args as unknown as Arguments));
}

describe("a ProtocolConnection's arguments", () => {
  it.each([[[]], [["Client"]], [[null]], [[{ role: "client" }]]])("refuses the role of %j", (args) => {
    expect(() => made(...args)).toThrow(TypeError);
    expect(() => made(...args)).toThrow('must be "client" or "server"');
  });

  it.each([
    [{ maxFeilds: 5 }, 'limits has "maxFeilds", which is no limit'],
    [{ maxFields: undefined }, "limits.maxFields must be a number from 0, not undefined"],
    [{ maxFields: -1 }, "limits.maxFields must be a number from 0, not -1"],
    [{ maxFields: NaN }, "limits.maxFields must be a number from 0, not NaN"],
    [{ maxFields: "5" }, "limits.maxFields must be a number from 0, not 5"],
  ])("refuses the limits %j", (limits, message) => {
    expect(() => made("server", { limits })).toThrow(new RangeError(message));
  });

  it("takes a few limits, and the defaults for the others", () => {
    expect(made("server", { limits: { maxFields: 0, maxRequests: Infinity } }).counts.sessions).toBe(0);
  });
});
