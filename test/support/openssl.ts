/** Certificates and keys as people make them: with openssl, which the set-up of the tests looks for. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface PemPair {
  readonly cert: string;
  readonly key: string;
}

/** Options of `openssl req` for a key that is quickly made. */
export const ecKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** A folder for openssl's files, which goes with it. */
export class OpensslFolder {
  readonly path: string = mkdtempSync(join(tmpdir(), "openssl-"));

  /** Runs `openssl` with these arguments; what it says on standard error is the failure's text. */
  run(...args: readonly string[]): void {
    execFileSync("openssl", args, { cwd: this.path, stdio: ["ignore", "pipe", "pipe"] });
  }

  /** Runs a line of documentation. */
  shell(line: string): void {
    execFileSync("sh", ["-ec", line], { cwd: this.path, stdio: ["ignore", "pipe", "pipe"] });
  }

  read(name: string): string {
    return readFileSync(join(this.path, name), "utf8");
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.path, name), text);
  }

  /** `openssl req -x509` with these options beside key and days; the files are read back. */
  certificate(name: string, ...options: readonly string[]): PemPair {
    const [cert, key] = [`${name}.pem`, `${name}-key.pem`];
    this.run("req", "-x509", ...ecKey, "-days", "10", "-keyout", key, "-out", cert, ...options);
    return { cert: this.read(cert), key: this.read(key) };
  }

  /** The key of a file, encrypted in PKCS #8 and in OpenSSL's older form. */
  encrypted(keyFile: string): { readonly pkcs8: string; readonly traditional: string } {
    this.run("pkcs8", "-topk8", "-in", keyFile, "-out", "pkcs8.pem", "-passout", "pass:secret");
    this.run("ec", "-in", keyFile, "-aes256", "-out", "traditional.pem", "-passout", "pass:secret");
    return { pkcs8: this.read("pkcs8.pem"), traditional: this.read("traditional.pem") };
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}
