import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { ServerConfig } from "../../../../src/config/server-config.ts";
import { generateSelfSignedCertificate } from "../../../../src/index.ts";
import { serverCertificateIssues } from "../../../../src/server/diagnosis/certificate-issues.ts";

describe("what is wrong with a server's certificates", () => {
  it("is that there is none, or that its files are missing", async () => {
    expect(await serverCertificateIssues(ServerConfig.create().values, undefined)).toEqual([
      expect.stringMatching(/^There is no certificate: give cert and key/),
    ]);
    const [certfile, keyfile] = [join(tmpdir(), "no-such-cert.pem"), join(tmpdir(), "no-such-key.pem")];
    expect(await serverCertificateIssues(ServerConfig.create({ certfile, keyfile }).values, undefined)).toEqual([
      `Certificate file not found: ${certfile}`,
      `Key file not found: ${keyfile}`,
    ]);
  });

  it("is, before it listens, what is wrong with the configured one", async () => {
    const { cert, key } = await generateSelfSignedCertificate({ days: 30 });
    expect(await serverCertificateIssues(ServerConfig.create({ cert, key }).values, undefined)).toEqual([
      expect.stringMatching(/self-signed and valid for 30 days/),
    ]);
  });

  it("is, once it listens, what is wrong with those that are served", async () => {
    const { cert, key } = await generateSelfSignedCertificate({ days: 30 });
    expect(await serverCertificateIssues(ServerConfig.create({ cert, key }).values, ["served"])).toEqual(["served"]);
  });
});
