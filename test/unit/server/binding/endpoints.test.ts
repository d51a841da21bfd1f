import { describe, expect, it } from "vitest";

import { generateSelfSignedCertificate } from "../../../../src/certificates/self-signed.ts";
import { memoryEngine } from "../../../../src/engine/memory/memory-engine.ts";
import { Endpoints } from "../../../../src/server/binding/endpoints.ts";

async function pairOf(days: number): Promise<{ cert: string; key: string }> {
  const { cert, key } = await generateSelfSignedCertificate({ days });
  return { cert, key };
}

describe("Endpoints", () => {
  it("certificateIssues() is about the certificates that are served now, by their names", async () => {
    const pair = await pairOf(19);
    const server = { identity: pair, sni: { "A.test": pair }, alpn: ["h3"] };
    const listener = {
      connection: (): never => {
        throw new Error("nobody connects");
      },
      failed: (): void => {},
    };
    const endpoints = await Endpoints.bind(memoryEngine(), ["127.0.0.1"], { port: 0, server }, listener);
    const text = "The certificate is self-signed and valid for 19 days";
    const [byDefault, named, ...others] = endpoints.certificateIssues();
    expect(byDefault?.startsWith(text)).toBe(true);
    expect(named?.startsWith(`sni "a.test": ${text}`)).toBe(true);
    expect(others).toEqual([]);
    endpoints.updateIdentity(await pairOf(20));
    endpoints.updateIdentity(await pairOf(1), "a.TEST");
    const [renewed, renewedByName] = endpoints.certificateIssues();
    expect(renewed).toContain("self-signed and valid for 20 days");
    expect(renewedByName).toContain('sni "a.test": The certificate ends in 23 hours');
    await endpoints.close(0n, "");
  });
});
