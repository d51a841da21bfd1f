import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { generateSelfSignedCertificate } from "../../../src/certificates/self-signed.ts";
import type { SelfSignedCertificate } from "../../../src/certificates/self-signed.ts";
import { connect } from "../../../src/client/index.ts";
import { ServerApp, echoHandler } from "../../../src/server/index.ts";

describe("a client of a server on this machine", () => {
  let certificate: SelfSignedCertificate;
  let app: ServerApp;
  let port: number;

  beforeAll(async () => {
    certificate = await generateSelfSignedCertificate();
    app = new ServerApp({ config: { cert: certificate.cert, key: certificate.key, logLevel: "silent" } });
    app.route("/echo", echoHandler);
    ({ port } = await app.listen({ host: "127.0.0.1", port: 0 }));
  });
  afterAll(async () => {
    await app.close();
  });

  it("finds it by name when it listens on one of the name's addresses only", async () => {
    const session = await connect(`https://localhost:${port}/echo`, {
      ca: certificate.cert,
      lookup: async () => ["::1", "127.0.0.1"],
    });
    expect(session.remoteAddress).toMatchObject({ host: "127.0.0.1", port, family: 4 });
    const stream = await session.createBidirectionalStream();
    await stream.writeAll("by name");
    expect(new TextDecoder().decode(await stream.readAll())).toBe("by name");
    await session.close();
  });

  it("finds it by the system's resolver", async () => {
    const session = await connect(`https://localhost:${port}/echo`, {
      serverCertificateHashes: [certificate.certificateHash],
    });
    expect(session.remoteAddress.port).toBe(port);
    await session.close();
  });

  it("takes certificate hashes as hexadecimal text", async () => {
    const value = Buffer.from(certificate.certificateHash.value).toString("hex");
    const session = await connect(`https://127.0.0.1:${port}/echo`, {
      serverCertificateHashes: [{ algorithm: "SHA-256", value }],
    });
    await session.close();
  });

  async function outputOf(name: string): Promise<string> {
    const program = fileURLToPath(new URL(`programs/${name}`, import.meta.url));
    const hash = Buffer.from(certificate.certificateHash.value).toString("hex");
    const child = spawn(process.execPath, [program, String(port), hash], { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    const [code] = (await once(child, "close")) as [number | null];
    expect(code).toBe(0);
    return output;
  }

  it("is a process that ends by itself, after a session as after a failure", async () => {
    expect(await outputOf("ending.mjs")).toBe("session closed\nERR_WT_HTTP_STATUS\nERR_WT_TIMEOUT\n");
  });

  it("leaves no rejection unhandled but that of a promise which connect() has given to its caller", async () => {
    expect(await outputOf("unhandled.mjs")).toBe("aborted\naborting\nconfig\ndns\nhttp\nlate\ntls\nurl\n");
  });
});
