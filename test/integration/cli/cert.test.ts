import { X509Certificate, createPrivateKey } from "node:crypto";
import { copyFile, mkdir, readFile, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import { inFolder, run } from "./command-line-program.ts";

describe("tswebtransport cert", () => {
  it("writes a certificate that browsers accept by its hash, and a key for its owner alone", async () => {
    await inFolder(async (cwd) => {
      const { code, stdout } = await run(["cert"], { cwd });
      expect(code).toBe(0);
      const certificate = new X509Certificate(await readFile(join(cwd, "cert.pem")));
      const hash = certificate.fingerprint256.replaceAll(":", "").toLowerCase();
      expect(stdout).toContain(`SHA-256:      ${hash}`);
      expect(certificate.checkPrivateKey(createPrivateKey(await readFile(join(cwd, "key.pem"))))).toBe(true);
      expect(certificate.checkHost("localhost")).toBe("localhost");
      if (process.platform !== "win32") expect((await stat(join(cwd, "key.pem"))).mode & 0o777).toBe(0o600);
      expect(await readdir(cwd)).toEqual(["cert.pem", "key.pem"]);
    });
  });

  it("overwrites nothing unless it is told to", async () => {
    await inFolder(async (cwd) => {
      await writeFile(join(cwd, "key.pem"), "precious");
      expect(await run(["cert"], { cwd })).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("key.pem exists") as string,
      });
      expect(await readFile(join(cwd, "key.pem"), "utf8")).toBe("precious");
      expect(await readdir(cwd)).toEqual(["key.pem"]);
      expect((await run(["cert", "--force"], { cwd })).code).toBe(0);
      expect(await readFile(join(cwd, "key.pem"), "utf8")).toContain("PRIVATE KEY");
    });
  });

  it("refuses a host that no certificate can be for as a wrong argument", async () => {
    await inFolder(async (cwd) => {
      const { code, stderr } = await run(["cert", "--host", "dev.example:443"], { cwd });
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: expect.stringContaining("--host: hostname must be") as string,
      });
      expect(await readdir(cwd)).toEqual([]);
    });
  });

  it("makes an authority once, and certificates of it", async () => {
    await inFolder(async (cwd) => {
      const args = ["cert", "--ca", "--out", "certs", "--host", "dev.example", "--json"];
      const first = JSON.parse((await run(args, { cwd })).stdout) as { sha256: string; cafile: string };
      const authority = await readFile(join(cwd, first.cafile), "utf8");
      const second = JSON.parse((await run([...args, "--force"], { cwd })).stdout) as { sha256: string };
      expect(second.sha256).not.toBe(first.sha256);
      expect(await readFile(join(cwd, first.cafile), "utf8")).toBe(authority);
      const leaf = new X509Certificate(await readFile(join(cwd, "certs", "cert.pem")));
      expect(leaf.verify(new X509Certificate(authority).publicKey)).toBe(true);
      expect(leaf.checkHost("dev.example")).toBe("dev.example");
    });
  });

  it.skipIf(process.platform === "win32")("ends where no folder can be made", async () => {
    await inFolder(async (cwd) => {
      await writeFile(join(cwd, "file"), "x");
      for (const out of ["/proc/nowhere/certs", "file", "file/certs"]) {
        expect(await run(["cert", "--out", out], { cwd })).toMatchObject({
          code: 2,
          stderr: expect.stringContaining(`--out ${out} is no folder, and cannot be made: `) as string,
        });
      }
    });
  });

  it("changes nothing where one of its files is a folder", async () => {
    await inFolder(async (cwd) => {
      await mkdir(join(cwd, "cert.pem"));
      await writeFile(join(cwd, "key.pem"), "precious");
      for (const args of [["--force"], ["--force", "--ca"]]) {
        expect(await run(["cert", ...args], { cwd })).toEqual({
          code: 1,
          stdout: "",
          stderr: "Error: Cannot write cert.pem: it is a folder. Choose another folder with --out\n",
        });
      }
      expect(await readdir(cwd)).toEqual(["cert.pem", "key.pem"]);
      expect(await readFile(join(cwd, "key.pem"), "utf8")).toBe("precious");
    });
  });

  it.skipIf(process.platform !== "linux")("says in one sentence that a folder takes no files", async () => {
    // The user root may write to every folder but to these.
    for (const [args, path] of [
      [["--out", "/proc"], "/proc/key.pem"],
      [["--out", "/proc", "--ca"], "/proc/ca-key.pem"],
    ] as const) {
      const { code, stdout, stderr } = await run(["cert", ...args]);
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr).toMatch(/^Error: Cannot write [^\n']+: [A-Z]+: [\w ]+\. Choose another folder with --out\n$/);
      expect(stderr).toContain(`Cannot write ${path}: `);
    }
  });

  it("says what is wrong with the files of an authority, and writes nothing", async () => {
    await inFolder(async (cwd) => {
      const refused = async (reason: string): Promise<void> => {
        const before = await readdir(cwd);
        expect(await run(["cert", "--ca", "--force"], { cwd })).toEqual({
          code: 1,
          stdout: "",
          stderr:
            `Error: Cannot use the authority of ca.pem and ca-key.pem: ${reason}. ` +
            "Put the right files there, or move both away for a new one\n",
        });
        expect(await readdir(cwd)).toEqual(before);
      };
      await writeFile(join(cwd, "ca.pem"), "junk");
      await writeFile(join(cwd, "ca-key.pem"), "junk");
      await refused("ca.pem holds no certificate");
      await run(["cert"], { cwd });
      await copyFile(join(cwd, "cert.pem"), join(cwd, "ca.pem"));
      await refused("ca-key.pem holds no key");
      await copyFile(join(cwd, "key.pem"), join(cwd, "ca-key.pem"));
      await refused("it is no authority's certificate (CA:FALSE)");
      await run(["cert", "--force"], { cwd });
      await copyFile(join(cwd, "key.pem"), join(cwd, "ca-key.pem"));
      await refused("the key is not the certificate's");
    });
  });

  it("refuses half of an authority", async () => {
    await inFolder(async (cwd) => {
      await writeFile(join(cwd, "ca.pem"), "x");
      expect(await run(["cert", "--ca"], { cwd })).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("ca-key.pem is not") as string,
      });
    });
  });

  it("prints PEM for a pipe and writes nothing", async () => {
    await inFolder(async (cwd) => {
      const { stdout } = await run(["cert", "--stdout"], { cwd });
      const certificate = new X509Certificate(stdout);
      expect(certificate.checkPrivateKey(createPrivateKey(stdout.slice(stdout.indexOf("-----BEGIN PRIVATE"))))).toBe(
        true,
      );
      expect(await readdir(cwd)).toEqual([]);
    });
  });
});
