/** What is wrong with this side's own certificate, told alike by a server and by a client. */
import { readFile } from "node:fs/promises";

import type { EngineError } from "../engine/engine.ts";
import { CertificateError } from "../errors/errors.ts";

/** The engine has refused a certificate or its key. */
export function certificateRefused(error: EngineError, message: string): CertificateError {
  return new CertificateError(message, {
    ...(error.code === "certificate-key-mismatch" && { code: "ERR_WT_CERTIFICATE_MISMATCH" }),
    certificateError: error.code,
    cause: error,
  });
}

/** The text of a PEM file. `what`: what it holds. Rejects with CertificateError. */
export async function readPem(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new CertificateError(`Cannot read the ${what}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      code: "ERR_WT_CERTIFICATE_NOT_FOUND",
      certificatePath: path,
      certificateError: "unreadable",
      cause,
    });
  }
}
