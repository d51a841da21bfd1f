import { describe, expect, it } from "vitest";

import { servedAuthorities } from "../../../src/config/authorities.ts";
import { ServerConfig } from "../../../src/config/server-config.ts";

describe("servedAuthorities()", () => {
  it.each<[entry: string, authority: string, isServed: boolean]>([
    ["example.com", "example.com", true],
    ["example.com", "example.com:4433", true],
    ["example.com", "EXAMPLE.com", true],
    ["Example.COM", "example.com", true],
    ["example.com", "example.com.", true],
    ["example.com", "www.example.com", false],
    ["example.com", "example.com.evil.example", false],
    ["example.com", "notexample.com", false],
    ["example.com:4433", "example.com:4433", true],
    ["example.com:4433", "example.com:443", false],
    ["example.com:4433", "example.com", false],
    ["example.com:443", "example.com", true],
    ["example.com:443", "example.com:443", true],
    ["example.com:443", "example.com:", true],
    ["*.example.com", "www.example.com", true],
    ["*.example.com", "WWW.example.com:4433", true],
    ["*.example.com", "example.com", false],
    ["*.example.com", ".example.com", false],
    ["*.example.com", "a.b.example.com", false],
    ["*.example.com:4433", "www.example.com:4433", true],
    ["*.example.com:4433", "www.example.com", false],
    ["*.localhost", "localhost", false],
    ["[::1]", "[::1]:4433", true],
    ["[::1]:4433", "[::1]:4433", true],
    ["[::1]:4433", "[0:0:0:0:0:0:0:1]:4433", true],
    ["[::1]:4433", "[::1]", false],
    ["[::1]", "[::2]", false],
    ["127.0.0.1", "127.0.0.1:4433", true],
    ["127.0.0.1", "127.0.0.2", false],
    ["münchen.example", "xn--mnchen-3ya.example", true],
    ["example.com", "", false],
    ["example.com", "example.com:65536", false],
    ["example.com", "example.com:443x", false],
    ["example.com", "example.com/path", false],
    ["example.com", "user@example.com", false],
    ["example.com", "example.com\\", false],
    ["example.com", "example.com%00", false],
    ["example.com", "*.example.com", false],
    ["[::1]", "::1", false],
  ])("%s and a request for %j: %s", (entry, authority, isServed) => {
    expect(servedAuthorities([entry])?.(authority)).toBe(isServed);
  });

  it("serves what any of several entries is for", () => {
    const serves = servedAuthorities(["example.com", "*.example.org"]);
    expect(["example.com", "a.example.org", "example.org"].map((authority) => serves?.(authority))).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe("ServerConfig's authorities", () => {
  it("are none by default, and then every authority is served", () => {
    expect(ServerConfig.create().values.authorities).toEqual([]);
    expect(servedAuthorities(ServerConfig.create().values.authorities)).toBeUndefined();
  });

  it.each([
    ...["", "*", "*.", ".", "*.*.example.com", "www.*.example.com", "w*.example.com", "*.127.0.0.1", "*.[::1]"],
    ...["::1", "[::1", "[example.com]", "https://example.com", "example.com/", "user@example.com", "example.com:"],
    ...["example.com:0", "example.com:65536", "example.com:https", "exa mple.com", "256.256.256.256", 4433, null],
  ])("cannot be %j", (entry) => {
    expect(() => ServerConfig.create({ authorities: ["example.com", entry as string] })).toThrow(
      expect.objectContaining({
        name: "ConfigurationError",
        configKey: "authorities",
        message: expect.stringContaining("item 1 must be a host") as string,
      }) as Error,
    );
  });

  it("come from the environment, and are captured", () => {
    const environment = { WT_AUTHORITIES: "example.com, *.example.org" };
    expect(ServerConfig.fromEnvironment("WT_", environment).values.authorities).toEqual([
      "example.com",
      "*.example.org",
    ]);
    const authorities = ["example.com"];
    const config = ServerConfig.create({ authorities });
    authorities.push("other.example");
    expect(config.values.authorities).toEqual(["example.com"]);
    expect(config.toObject()).toMatchObject({ authorities: ["example.com"] });
  });
});
