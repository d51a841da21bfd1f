import { X509Certificate } from "node:crypto";

import { describe, expect, it } from "vitest";

import { generateSelfSignedCertificate } from "../../../src/certificates/self-signed.ts";

describe("generateSelfSignedCertificate()", () => {
  it.each<[string, string | readonly string[]]>([
    ["DNS:example.com", "example.com"],
    ["DNS:*.example.com", "*.example.com"],
    ["IP Address:192.0.2.7", "192.0.2.7"],
    ["IP Address:2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["DNS:a.example, IP Address:127.0.0.1", ["a.example", "127.0.0.1"]],
  ])("makes a certificate for %s", async (names, hostname) => {
    const { cert } = await generateSelfSignedCertificate({ hostname });
    expect(new X509Certificate(cert).subjectAltName).toBe(names);
  });

  it.each<[string, unknown, RegExp]>([
    ["an empty name", "", /such as "example.com"/],
    ["no name at all", [], /one name or IP address at least/],
    ["an empty name among others", ["localhost", ""], /such as "example.com"/],
    ["a name with a port", "localhost:4433", /without scheme, port and path/],
    ["a URL", "https://example.com/", /without scheme, port and path/],
    ["a name with a space", "my host", /such as "example.com"/],
    ["a name of 300 characters", "a.".repeat(150) + "example", /at most 253 characters/],
    ["a label of 64 characters", `${"a".repeat(64)}.example`, /such as "example.com"/],
    ["a name with a final dot", "example.com.", /such as "example.com"/],
    ["an asterisk alone", "*", /asterisk .* "\*.example.com"/],
    ["an asterisk inside of a label", "a*.example.com", /asterisk/],
    ["an asterisk in front of a top-level domain", "*.com", /asterisk/],
    ["a name that is not ASCII", "bücher.example", /write "xn--bcher-kva.example"/],
    ["an address with brackets", "[::1]", /such as "example.com"/],
    ["an address with a zone", "fe80::1%eth0", /zone/],
    ["an address out of its range", "999.1.1.1", /such as "example.com"/],
    ["a null byte", "a\0b.example", /such as "example.com"/],
    ["a number", 5, /but is no string/],
    ["null", null, /but is no string/],
    ["a list of lists", [["localhost"]], /but is no string/],
  ])("refuses %s, naming what is allowed", async (_, hostname, reason) => {
    const refused = generateSelfSignedCertificate({ hostname: hostname as string });
    await expect(refused).rejects.toMatchObject({ name: "ConfigurationError", configKey: "hostname" });
    await expect(refused).rejects.toThrow(reason);
  });

  it.each([0, -1, 1.5, 3651, NaN, "13", null])("refuses a validity of %j days", async (days) => {
    const refused = generateSelfSignedCertificate({ days: days as number });
    await expect(refused).rejects.toMatchObject({ name: "ConfigurationError", configKey: "days" });
    await expect(refused).rejects.toThrow("must be an integer from 1 to 3650");
  });

  it.each([null, "localhost", 5, ["localhost"]])("refuses %j instead of options", async (options) => {
    const refused = generateSelfSignedCertificate(options as object);
    await expect(refused).rejects.toMatchObject({ name: "ConfigurationError", configKey: "options" });
  });

  it("refuses an option that there is not, and tells which was probably meant", async () => {
    const mistaken = { hostnames: ["example.com"] } as object;
    await expect(generateSelfSignedCertificate(mistaken)).rejects.toThrow("did you mean hostname?");
  });
});
