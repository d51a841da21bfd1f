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
    throw new CertificateError(`Cannot read the ${what}: ${reasonOf(cause, path)}`, {
      code: "ERR_WT_CERTIFICATE_NOT_FOUND",
      certificatePath: path,
      certificateError: "unreadable",
      cause,
    });
  }
}

function reasonOf(error: unknown, path: string): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const fix = fixes[code];
  const message = error instanceof Error ? error.message : String(error);
  // Of what it has opened, as a folder, Node does not tell the name.
  const reason = message.includes(path) ? message : `${message} '${path}'`;
  return fix === undefined ? reason : `${reason}. ${fix}`;
}

const fixes: Readonly<Record<string, string>> = {
  ENOENT: "Check the path: a relative one begins at the working directory",
  EACCES: "Let the process's user read it, and pass through its folders",
  EISDIR: "Name the file in this folder",
};
