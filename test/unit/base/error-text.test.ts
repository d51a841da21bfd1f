import { describe, expect, it } from "vitest";

import { errorLine } from "../../../src/base/error-text.ts";

describe("errorLine()", () => {
  it("tells name and message, and those of the causes", () => {
    const expired = new TypeError("the token\n  has expired");
    const error = new Error("not authenticated", { cause: expired });
    expect(errorLine(error)).toBe("Error: not authenticated, caused by TypeError: the token has expired");
    expect(errorLine(new RangeError(""))).toBe("RangeError");
    expect(errorLine(new Error("a", { cause: "b" }))).toBe("Error: a, caused by b");
  });

  it("ends, though an error is its own cause", () => {
    const error = new Error("again");
    error.cause = error;
    expect(errorLine(error).match(/again/g)).toHaveLength(4);
  });

  it("tells what is no error, and never throws", () => {
    expect(errorLine("text")).toBe("text");
    expect(errorLine(undefined)).toBe("undefined");
    expect(errorLine(Object.create(null))).toBe("a value that cannot be shown");
    const hostile = new Error("");
    Object.defineProperty(hostile, "message", {
      get: () => {
        throw new Error("on purpose");
      },
    });
    expect(errorLine(hostile)).toBe("a value that cannot be shown");
  });
});
