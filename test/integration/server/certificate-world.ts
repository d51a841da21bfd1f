/** A server with certificates in files, and clients that tell which certificate they were shown. */
import { X509Certificate } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { generateSelfSignedCertificate } from "../../../src/certificates/self-signed.ts";
import { connect } from "../../../src/client/connect.ts";
import type { ClientOptions } from "../../../src/client/connect.ts";
import type { ServerConfigOptions } from "../../../src/config/server-config.ts";
import { ServerApp, echoHandler } from "../../../src/server/index.ts";
import type { PemPair } from "../../support/openssl.ts";

/** A fresh certificate for localhost. */
export async function freshPair(): Promise<PemPair> {
  const { cert, key } = await generateSelfSignedCertificate();
  return { cert, key };
}

export function fingerprint({ cert }: PemPair): string {
  return new X509Certificate(cert).fingerprint256;
}

export class CertificateWorld {
  /** For the test's files; goes with it. */
  readonly folder: string = mkdtempSync(join(tmpdir(), "certificates-"));
  readonly lines: string[] = [];
  app: ServerApp = new ServerApp();
  #port = 0;

  path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  write(name: string, text: string): string {
    const path = this.path(name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  /** `certfile` and `keyfile` with this pair in them. */
  files({ cert, key }: PemPair, name = ""): { certfile: string; keyfile: string } {
    return { certfile: this.write(`${name}cert.pem`, cert), keyfile: this.write(`${name}key.pem`, key) };
  }

  async serve(config: ServerConfigOptions): Promise<ServerApp> {
    const line = (_fields: object, message: string): void => {
      this.lines.push(message);
    };
    const logger = { debug: line, info: line, warn: line, error: line };
    this.app = new ServerApp({ config: { logger, accessLog: false, ...config } });
    this.app.route("/", echoHandler);
    await this.listen();
    return this.app;
  }

  /** Again, when the app has been closed. */
  async listen(): Promise<void> {
    const { port } = await this.app.listen({ host: "127.0.0.1", port: 0 });
    this.#port = port;
  }

  connect({ path = "/", ...options }: ClientOptions & { readonly path?: string } = {}): ReturnType<typeof connect> {
    return connect(`https://127.0.0.1:${this.#port}${path}`, { insecure: true, maxRetries: 0, ...options });
  }

  /** The certificate that a client who asks for this name is shown, by its fingerprint. */
  async shown(serverName?: string): Promise<string | undefined> {
    const session = await this.connect(serverName === undefined ? {} : { serverName });
    const { peerCertificate } = session.connection;
    await session.close();
    return peerCertificate?.fingerprint256;
  }

  async close(): Promise<void> {
    await this.app.close({ timeout: 0 });
    rmSync(this.folder, { recursive: true });
  }
}
