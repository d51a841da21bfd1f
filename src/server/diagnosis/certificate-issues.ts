import { access } from "node:fs/promises";

import { certificateIssues } from "../../certificates/certificate-issues.ts";
import type { ServerConfigValues } from "../../config/server-config.ts";

/** What is wrong with the certificates and their files. `served`: what is wrong with those that are served, once some are. */
export async function serverCertificateIssues(
  config: ServerConfigValues,
  served: readonly string[] | undefined,
): Promise<string[]> {
  return [...(await fileIssues(config)), ...(served ?? configuredIssues(config))];
}

function configuredIssues({ cert, certfile }: ServerConfigValues): readonly string[] {
  return cert === undefined && certfile !== undefined ? [] : certificateIssues(cert);
}

async function fileIssues({ certfile, keyfile }: ServerConfigValues): Promise<string[]> {
  const issues: string[] = [];
  if (certfile !== undefined && !(await exists(certfile))) issues.push(`Certificate file not found: ${certfile}`);
  if (keyfile !== undefined && !(await exists(keyfile))) issues.push(`Key file not found: ${keyfile}`);
  return issues;
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
