import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { generateSelfSignedCertificate } from "../../../src/certificates/self-signed.ts";
import { connect } from "../../../src/client/connect.ts";
import { ConfigurationError } from "../../../src/errors/errors.ts";
import { ServerApp } from "../../../src/server/app.ts";

const { cert, key, certificateHash } = await generateSelfSignedCertificate({ hostname: "localhost" });

describe("keylog and qlogDirectory", () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "tswebtransport-qlog-"));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true });
  });

  it("tell of one connection from both of its ends", async () => {
    const lines: Record<"client" | "server", string[]> = { client: [], server: [] };
    const app = new ServerApp({
      config: { cert, key, logLevel: "silent", keylog: (line) => lines.server.push(line), qlogDirectory: directory },
    });
    app.route("/", async () => {});
    const { port } = await app.listen({ host: "127.0.0.1", port: 0 });
    const session = await connect(`https://127.0.0.1:${port}/`, {
      serverCertificateHashes: [certificateHash],
      keylog: (line) => lines.client.push(line),
      qlogDirectory: directory,
    });
    await session.closed;
    await app.close();

    expect(lines.client.toSorted()).toEqual(lines.server.toSorted());
    expect(
      lines.server.filter((line) => /^SERVER_TRAFFIC_SECRET_0 [0-9a-f]{64} [0-9a-f]{64}$/.test(line)),
    ).toHaveLength(1);
    const files = await readdir(directory);
    expect(files.map((name) => name.replace(/^[0-9a-f]+/, "")).toSorted()).toEqual(["_client.sqlog", "_server.sqlog"]);
    for (const file of files) expect(await readFile(join(directory, file), "utf8")).toContain("packet_received");
  });

  it("refuse a directory that does not exist", async () => {
    const app = new ServerApp({ config: { cert, key, qlogDirectory: join(directory, "missing") } });
    await expect(app.listen({ host: "127.0.0.1", port: 0 })).rejects.toThrow(ConfigurationError);
    await app.close();
  });
});
