import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { connect, WebTransportConnection } from "tswebtransport";
import type { WebTransportSession } from "tswebtransport";

import type { Environment } from "./environment.ts";
import { answerRequests, fetchFiles } from "./transfer.ts";

/** The exit code. */
export async function interopClient(environment: Environment): Promise<number> {
  const { origin, requests, protocols, kind, downloads } = environment;
  if (origin === undefined) throw new Error("REQUESTS must have a URL");
  // The runner's certificates are signed by an authority of its own.
  const options = { insecure: true, protocols };
  const sessions: WebTransportSession[] = [];
  for (const { endpoint } of requests) {
    const url = `${origin}/${endpoint}`;
    const connection = sessions[0]?.connection;
    // All sessions share one connection.
    const another = connection instanceof WebTransportConnection;
    sessions.push(another ? await connection.openSession({ url, protocols }) : await connect(url, options));
  }
  if (environment.isHandshake) await writeProtocol(downloads, sessions[0]?.protocol ?? "");
  else if (kind === undefined) await Promise.all(sessions.map((session) => answerRequests(session, environment)));
  else {
    await Promise.all(
      requests.map(async (request, index) => {
        const session = sessions[index];
        if (session !== undefined) await fetchFiles(session, kind, request, downloads);
      }),
    );
  }
  // The connection ends with its first session.
  for (const session of sessions.reverse()) await session.close();
  const ends = await Promise.all(sessions.map((session) => session.closed));
  return ends.every(({ clean }) => clean) ? 0 : 1;
}

export async function writeProtocol(downloads: string, protocol: string): Promise<void> {
  await mkdir(downloads, { recursive: true });
  await writeFile(join(downloads, "negotiated_protocol.txt"), protocol);
}
