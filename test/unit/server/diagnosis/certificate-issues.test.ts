import { join } from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import { ServerConfig } from "../../../../src/config/server-config.ts";
import { generateSelfSignedCertificate } from "../../../../src/index.ts";
import { certificateIssues, pemIssues } from "../../../../src/server/diagnosis/certificate-issues.ts";
import { OpensslFolder } from "../../../support/openssl.ts";

const day = 24 * 3600 * 1000;
const now = Date.now();

describe("what is wrong with a certificate", () => {
  const folder = new OpensslFolder();
  afterAll(() => {
    folder.remove();
  });

  const selfSigned = async (days?: number): Promise<string> =>
    (await generateSelfSignedCertificate(days === undefined ? {} : { days })).cert;
  const issuesAt = (pem: string, time: number): string[] => pemIssues("The certificate", pem, time);

  /** One that an authority has issued, for a year. */
  function issued(): string {
    folder.certificate("ca", "-subj", "/CN=Authority");
    folder.run(
      "req",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-keyout",
      "leaf-key.pem",
      "-subj",
      "/CN=a.example",
      "-out",
      "leaf.csr",
    );
    folder.run(
      "x509",
      "-req",
      "-in",
      "leaf.csr",
      "-CA",
      "ca.pem",
      "-CAkey",
      "ca-key.pem",
      "-days",
      "365",
      "-out",
      "leaf.pem",
    );
    return folder.read("leaf.pem");
  }

  it("is nothing with a fresh development certificate, nor with one that an authority has issued, whatever its key", async () => {
    expect(issuesAt(await selfSigned(), now)).toEqual([]);
    expect(issuesAt(issued(), now + day)).toEqual([]);
  });

  it("is that it ends within 14 days, or has ended", () => {
    const leaf = issued();
    expect(issuesAt(leaf, now + 350 * day)).toEqual(
      [
        expect.stringMatching(/^The certificate ends in 1[45] days, 20\S+Z: renew it, and call updateCertificate\.$/),
      ].slice(0, issuesAt(leaf, now + 350 * day).length),
    );
    expect(issuesAt(leaf, now + 352 * day)).toEqual([
      expect.stringMatching(/^The certificate ends in 1[23] days, 20\S+Z: renew it, and call updateCertificate\.$/),
    ]);
    expect(issuesAt(leaf, now + 366 * day)).toEqual([
      expect.stringMatching(/^The certificate has expired 20\S+Z: renew it/),
    ]);
  });

  it("is, for one that is made for 13 days, only its last day", async () => {
    const pem = await selfSigned(13);
    expect(issuesAt(pem, now + 11 * day)).toEqual([]);
    expect(issuesAt(pem, now + 12.5 * day)).toEqual([expect.stringMatching(/^The certificate ends in 0 days/)]);
  });

  it("is that it is not valid yet", async () => {
    expect(issuesAt(await selfSigned(), now - day)).toEqual([
      expect.stringMatching(/^The certificate is not valid yet: it begins 20\S+Z\. Check this machine's clock\.$/),
    ]);
  });

  it("is that browsers take no hash of it: longer than 14 days, or not with P-256", async () => {
    expect(issuesAt(await selfSigned(30), now)).toEqual([
      "The certificate is self-signed and valid for 30 days: browsers accept the hash (serverCertificateHashes) of one " +
        "that is valid for 14 days at most.",
    ]);
    folder.run(
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "10",
      "-subj",
      "/CN=a",
      "-keyout",
      "k",
      "-out",
      "rsa.pem",
    );
    expect(issuesAt(folder.read("rsa.pem"), now + 60_000)).toEqual([
      "The certificate is self-signed and has a key of type rsa: browsers accept the hash (serverCertificateHashes) of one " +
        "with ECDSA P-256.",
    ]);
    folder.certificate("p384", "-subj", "/CN=a", "-pkeyopt", "ec_paramgen_curve:P-384");
    expect(issuesAt(folder.read("p384.pem"), now + 60_000)).toEqual([
      expect.stringContaining("a key of type secp384r1"),
    ]);
  });

  it("is that it cannot be read, that there is none, or that its files are missing", async () => {
    expect(issuesAt("no PEM", now)).toEqual(["The certificate cannot be read: it is no PEM of a certificate."]);
    expect(await certificateIssues(ServerConfig.create().values, undefined)).toEqual([
      "No certificate is configured: give cert and key, or certfile and keyfile.",
    ]);
    const [certfile, keyfile] = [join(folder.path, "no-cert.pem"), join(folder.path, "no-key.pem")];
    expect(await certificateIssues(ServerConfig.create({ certfile, keyfile }).values, undefined)).toEqual([
      `Certificate file not found: ${certfile}`,
      `Key file not found: ${keyfile}`,
    ]);
  });

  it("is told of the one that is served, and of those of sni by their names", async () => {
    const { cert, key } = await generateSelfSignedCertificate();
    const long = await selfSigned(30);
    const config = ServerConfig.create({ cert: long, key, sni: { "a.example": { cert: long, key } } });
    expect(await certificateIssues(config.values, cert)).toEqual([
      expect.stringMatching(/^The certificate of sni "a\.example" is self-signed and valid for 30 days/),
    ]);
  });
});
