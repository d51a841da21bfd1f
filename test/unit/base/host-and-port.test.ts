import { describe, expect, it } from "vitest";

import { hostAndPort } from "../../../src/base/host-and-port.ts";

describe("hostAndPort()", () => {
  it("puts brackets around an IPv6 address, and around nothing else", () => {
    expect(hostAndPort("::1", 4433)).toBe("[::1]:4433");
    expect(hostAndPort("127.0.0.1", 4433)).toBe("127.0.0.1:4433");
    expect(hostAndPort("localhost", 0)).toBe("localhost:0");
  });
});
