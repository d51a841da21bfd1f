import { describe, expect, it } from "vitest";

import { redactQuery } from "../../../../src/server/logging/redact-query.ts";

describe("redactQuery()", () => {
  it.each([
    ["/chat", "/chat"],
    ["/chat?", "/chat"],
    ["/chat?room=1&token=eyJh.bGci.Oi", "/chat?room=[redacted]&token=[redacted]"],
    ["/chat?token=", "/chat?token=[redacted]"],
    ["/chat?a=1=2&a=3", "/chat?a=[redacted]&a=[redacted]"],
    ["/chat?eyJhbGciOiJIUzI1NiJ9", "/chat?[redacted]"],
    ["/chat?eyJhbGciOiJIUzI1NiJ9eyJhbGciOiJIUzI1NiJ9==", "/chat?[redacted]"],
    ["/chat?=secret&&room=1", "/chat?[redacted]&[redacted]&room=[redacted]"],
    ["/chat?to%6ben=secret", "/chat?[redacted]"],
    ["/chat?x;token=secret", "/chat?[redacted]"],
    ["/chat?a=1#fragment", "/chat?a=[redacted]"],
  ])("shows %s as %s", (path, expected) => {
    expect(redactQuery(new URL(path, "https://example.com"))).toBe(expected);
  });

  it.each([undefined, null, 5, "https://example.com/?token=secret", {}, { pathname: "/", search: 5 }])(
    "refuses %j, and does not show it",
    (given) => {
      const call = (): string => redactQuery(given as unknown as URL);
      expect(call).toThrow(expect.objectContaining({ name: "ConfigurationError", configKey: "url" }) as Error);
      expect(call).toThrow(/^url must be a URL object, or an object with its pathname and search$/);
    },
  );
});
