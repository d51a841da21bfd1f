import { describe, expect, it } from "vitest";

import { ConfigurationError } from "../../../../src/errors/errors.ts";
import { createCorsMiddleware } from "../../../../src/server/middleware/cors.ts";
import type { CorsOptions } from "../../../../src/server/middleware/cors.ts";
import { RejectionResponse } from "../../../../src/server/middleware/rejection-response.ts";

import { fakeRequest } from "./fake-request.ts";

async function admits(options: CorsOptions, origin?: string): Promise<boolean> {
  const result = await createCorsMiddleware(options)(
    fakeRequest<unknown>({ headers: origin === undefined ? {} : { origin } }),
  );
  if (result === true) return true;
  expect(result).toMatchObject({ status: 403, kind: "origin" });
  return false;
}

describe("createCorsMiddleware()", () => {
  it("makes a function that is called cors", () => {
    expect(createCorsMiddleware({ allowedOrigins: [] }).name).toBe("cors");
  });

  it.each([
    ["https://example.com", true],
    ["https://example.com:8443", true],
    ["http://example.com", false],
    ["https://example.com:443", false],
    ["https://EXAMPLE.com", false],
    ["https://example.com.evil.example", false],
    ["https://evil.example", false],
    ["null", false],
  ])("compares %s exactly", async (origin, expected) => {
    const allowedOrigins = ["https://example.com", "https://example.com:8443"];
    expect(await admits({ allowedOrigins }, origin)).toBe(expected);
  });

  it.each([
    ["https://a.example.com", true],
    ["https://xn--mnchen-3ya.example.com", true],
    ["https://example.com", false],
    ["https://.example.com", false],
    ["https://a.b.example.com", false],
    ["https://a.example.com:8443", false],
    ["http://a.example.com", false],
    ["https://evil.example/.example.com", false],
    ["https://evil.example:1.example.com", false],
    ["https://user@a.example.com", false],
    ["https://aexample.com", false],
    ["https://a.example.com.evil.example", false],
  ])("takes one label for the asterisk: %s", async (origin, expected) => {
    expect(await admits({ allowedOrigins: ["https://*.example.com"] }, origin)).toBe(expected);
  });

  it("takes a wildcard with a port for that port", async () => {
    const allowedOrigins = ["http://*.localhost:3000"];
    expect(await admits({ allowedOrigins }, "http://app.localhost:3000")).toBe(true);
    expect(await admits({ allowedOrigins }, "http://app.localhost")).toBe(false);
    expect(await admits({ allowedOrigins }, "http://app.localhost:30001")).toBe(false);
  });

  it("takes other schemes and the opaque origin when they are listed", async () => {
    const allowedOrigins = ["null", "chrome-extension://abcdefgh", "capacitor://localhost"];
    for (const origin of allowedOrigins) expect(await admits({ allowedOrigins }, origin)).toBe(true);
    expect(await admits({ allowedOrigins: ["*"] }, "null")).toBe(true);
  });

  it('refuses a missing or empty origin, even with "*", unless that is allowed', async () => {
    for (const origin of [undefined, ""]) {
      expect(await admits({ allowedOrigins: ["*"] }, origin)).toBe(false);
      expect(await admits({ allowedOrigins: [], allowMissingOrigin: true }, origin)).toBe(true);
    }
    expect(await admits({ allowedOrigins: [], allowMissingOrigin: true }, "https://a.example")).toBe(false);
  });

  it("tells the log what to do", async () => {
    const cors = createCorsMiddleware({ allowedOrigins: ["https://example.com"] });
    const refusal = await cors(fakeRequest<unknown>({ headers: { origin: "https://a.example" } }));
    expect(refusal).toBeInstanceOf(RejectionResponse);
    expect((refusal as RejectionResponse).reason).toBe(
      "origin https://a.example is not in allowedOrigins: add it to the list of createCorsMiddleware to admit it",
    );
    const missing = await cors(fakeRequest<unknown>());
    expect((missing as RejectionResponse).reason).toBe(
      "the request has no origin: set allowMissingOrigin of createCorsMiddleware to admit it",
    );
  });

  it.each([
    ["example.com", "must be a scheme and a host"],
    ["https://example.com/", "must be a scheme and a host"],
    ["https://example.com/path", "must be a scheme and a host"],
    ["HTTPS://example.com", "must be a scheme and a host"],
    ["", "must be a scheme and a host"],
    ["https://EXAMPLE.com", 'must be as browsers write it, "https://example.com"'],
    ["https://example.com:443", 'must be as browsers write it, "https://example.com"'],
    ["https://label.EXAMPLE.com", 'must be as browsers write it, "https://label.example.com"'],
    ["https://*.EXAMPLE.com", 'must be as browsers write it, "https://*.example.com"'],
    ["https://münchen.example", 'must be as browsers write it, "https://xn--mnchen-3ya.example"'],
    ["https://*", "must have its asterisk alone, or for the first label"],
    ["https://*example.com", "must have its asterisk alone, or for the first label"],
    ["https://a.*.example.com", "must have its asterisk alone, or for the first label"],
    ["https://*.*.example.com", "must have its asterisk alone, or for the first label"],
    ["https://*.", "must have its asterisk alone, or for the first label"],
    ["https://exa mple.com", "must be a scheme and a host"],
    ["https://[::1", "must have a valid host"],
  ])("refuses the entry %s at the call, because no origin could equal it", (entry, reason) => {
    const create = (): unknown => createCorsMiddleware({ allowedOrigins: [entry] });
    expect(create).toThrow(ConfigurationError);
    expect(create).toThrow(reason);
  });

  it("refuses at the call what is no list of texts", () => {
    for (const allowedOrigins of [undefined, "*", [7]]) {
      const options = { allowedOrigins } as unknown as CorsOptions;
      expect(() => createCorsMiddleware(options)).toThrow(ConfigurationError);
    }
  });
});
