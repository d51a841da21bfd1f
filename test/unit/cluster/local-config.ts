/** A cluster's server in this process, on loopback. */
import { generateSelfSignedCertificate } from "../../../src/certificates/self-signed.ts";
import type { ServerConfigOptions } from "../../../src/config/server-config.ts";

const { cert, key, certificateHash } = await generateSelfSignedCertificate({ hostname: "localhost" });

export { certificateHash };

export const config: ServerConfigOptions = {
  bindHost: "127.0.0.1",
  bindPort: 0,
  cert,
  key,
  logLevel: "silent",
  accessLog: false,
};
