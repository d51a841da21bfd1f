import { X509Certificate } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { certificateIssues } from "../../../src/certificates/certificate-issues.ts";
import { generateSelfSignedCertificate } from "../../../src/certificates/self-signed.ts";
import { OpensslFolder } from "../../support/openssl.ts";

const day = 24 * 3600 * 1000;
const named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];

describe("certificateIssues()", () => {
  const folder = new OpensslFolder();
  let short: string;
  let issued: string;
  let authority: string;

  beforeAll(() => {
    short = folder.certificate("short", ...named).cert;
    authority = folder.certificate("ca", "-subj", "/O=Two/CN=authority", "-days", "1000").cert;
    const by = ["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-addext", "basicConstraints=critical,CA:FALSE"];
    folder.run(
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-keyout",
      "i-key.pem",
      "-out",
      "i.pem",
      ...named,
      ...by,
      "-days",
      "90",
    );
    issued = folder.read("i.pem");
  });
  afterAll(() => {
    folder.remove();
  });

  const begin = (pem: string): number => Date.parse(new X509Certificate(pem).validFrom);
  const end = (pem: string): number => Date.parse(new X509Certificate(pem).validTo);

  it("has nothing to say about one of an authority that is valid for long, whatever its key", () => {
    expect(certificateIssues(issued, begin(issued))).toEqual([]);
    expect(certificateIssues(issued, end(issued) - 14 * day)).toEqual([]);
  });

  it("names the absence of a certificate", () => {
    for (const pem of [undefined, "", "\n"])
      expect(certificateIssues(pem)).toEqual([expect.stringMatching(/^There is no/)]);
    expect(certificateIssues("no PEM")).toEqual([expect.stringMatching(/^There is no certificate in the PEM text/)]);
    const malformed = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    expect(certificateIssues(malformed)).toEqual([expect.stringMatching(/^The certificate cannot be read: /)]);
  });

  it("tells from 14 days before the end how long there is, and afterwards how long ago it was", () => {
    const ends = new Date(end(issued)).toISOString().replace(".000Z", "Z");
    const only = (now: number): string | undefined => {
      const [issue, ...others] = certificateIssues(issued, now);
      expect(others).toEqual([]);
      return issue;
    };
    expect(only(end(issued) - 14 * day + 1000)).toContain(`ends in 13 days, at ${ends}. Renew it`);
    expect(only(end(issued) - 3_600_000)).toContain("ends in 1 hour, at");
    expect(only(end(issued) + 1)).toContain(`ended 0 hours ago, at ${ends}: clients refuse it`);
    expect(only(end(issued) + 3 * day)).toContain("ended 3 days ago");
  });

  it("tells when it will be valid", () => {
    expect(certificateIssues(issued, begin(issued) - 2 * day)).toEqual([
      expect.stringMatching(/^The certificate is not valid before .*Z, in 2 days: clients refuse it until then/),
    ]);
  });

  it("takes the chain's other certificates for what they are", () => {
    const now = end(authority) - 5 * day;
    const renewed = folder.certificate("renewed", ...named, "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-days", "2000");
    expect(certificateIssues(renewed.cert + authority, now)).toEqual([
      expect.stringMatching(/^Certificate 2 of 2 in the chain \(O=Two, CN=authority\) ends in 5 days/),
    ]);
  });

  it("tells what keeps browsers from trusting a self-signed one by its hash", async () => {
    expect(certificateIssues(short, begin(short) - day)).toHaveLength(1);
    expect(certificateIssues(short, begin(short))).toEqual([]);
    // It is made for its hash and renewed as a matter of course: only its last day is worth a word.
    expect(certificateIssues(short, end(short) - day + 1000)).toEqual([expect.stringMatching(/ends in 23 hours/)]);
    const long = folder.certificate("long", ...named, "-days", "365").cert;
    expect(certificateIssues(long, begin(long))).toEqual([
      expect.stringMatching(/self-signed and valid for 365 days: .*14 days at most/),
    ]);
    const ours = (await generateSelfSignedCertificate({ days: 30 })).cert;
    expect(certificateIssues(ours, begin(ours))).toEqual([expect.stringMatching(/self-signed and valid for 30 days/)]);
    const both = (options: readonly string[]): string[] => {
      folder.run(
        "req",
        "-x509",
        "-nodes",
        "-keyout",
        "o-key.pem",
        "-out",
        "o.pem",
        "-days",
        "30",
        ...named,
        ...options,
      );
      const pem = folder.read("o.pem");
      return certificateIssues(pem, begin(pem));
    };
    expect(both(["-newkey", "rsa:2048"])[1]).toMatch(/its key is rsa of 2048 bits: .*ECDSA P-256 key only/);
    expect(both(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"])[1]).toMatch(/its key is P-384/);
    expect(both(["-newkey", "ed25519"])[1]).toMatch(/its key is ed25519/);
  });
});
