import { X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";

import { generateCertificateAuthority, issueCertificate } from "../../../src/certificates/own-authority.ts";
import { generateSelfSignedCertificate } from "../../../src/certificates/self-signed.ts";
import { CertificateError, ConfigurationError } from "../../../src/errors/errors.ts";

describe("an authority of one's own", () => {
  it("issues certificates that it has signed, for the names, as long as asked for", async () => {
    const authority = await generateCertificateAuthority({ name: "Team" });
    const { cert, certificateHash } = await issueCertificate(authority, { hostname: ["dev.example", "::1"], days: 30 });
    const [leaf, ca] = [new X509Certificate(cert), new X509Certificate(authority.cert)];
    expect(leaf.verify(ca.publicKey)).toBe(true);
    expect(leaf.checkIssued(ca)).toBe(true);
    expect([ca.ca, leaf.ca]).toEqual([true, false]);
    expect(leaf.issuer).toBe("CN=Team");
    expect(leaf.checkHost("dev.example")).toBe("dev.example");
    expect(leaf.checkIP("::1")).toBe("::1");
    expect(Date.parse(leaf.validTo) - Date.parse(leaf.validFrom)).toBe(30 * 24 * 3600 * 1000);
    expect(leaf.fingerprint256.replaceAll(":", "").toLowerCase()).toBe(
      Buffer.from(certificateHash.value).toString("hex"),
    );
  });

  it("refuses an authority that is none, or has another key", async () => {
    const authority = await generateCertificateAuthority();
    const other = await generateCertificateAuthority();
    const leaf = await generateSelfSignedCertificate();
    for (const [pair, reason] of [
      [{ cert: authority.cert, key: other.key }, "the key is not the certificate's"],
      [leaf, "it is no authority's certificate"],
      [{ cert: "nonsense", key: authority.key }, "the authority cannot be used"],
    ] as const) {
      const refusal = issueCertificate(pair);
      await expect(refusal).rejects.toThrow(CertificateError);
      await expect(refusal).rejects.toThrow(reason);
    }
  });

  it("refuses days and names out of range", async () => {
    const authority = await generateCertificateAuthority();
    await expect(generateCertificateAuthority({ days: 0 })).rejects.toThrow(ConfigurationError);
    await expect(issueCertificate(authority, { days: 3651 })).rejects.toThrow(ConfigurationError);
    await expect(issueCertificate(authority, { hostname: "ü.example" })).rejects.toThrow(ConfigurationError);
  });
});
