import { describe, expect, it } from "vitest";

import { addressGroup } from "../../../src/base/address-group.ts";

describe("addressGroup()", () => {
  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:c000:201", "192.0.2.1"],
    ["0:0:0:0:0:ffff:192.0.2.255", "192.0.2.255"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::", "2001:db8:1:2::/64"],
    ["2001:0DB8:0001:0002:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["::", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["64:ff9b::192.0.2.1", "64:ff9b:0:0::/64"],
    ["::fffe:192.0.2.1", "0:0:0:0::/64"],
  ])("counts %s as %s", (host, expected) => {
    expect(addressGroup(host)).toBe(expected);
  });

  it.each([
    "",
    "localhost",
    "1:2:3",
    "1::2::3",
    "1:2:3:4:5:6:7:8:9",
    "::12345",
    "::ffff:1.2.3.256",
    "g::",
    "1:2:3:4:5:6:7::8",
  ])("leaves what is no address alone: %s", (host) => {
    expect(addressGroup(host)).toBe(host);
  });
});
