import { join } from "node:path";

import { WebTransportServer } from "tswebtransport";
import type { IncomingSession, WebTransportSession } from "tswebtransport";

import { writeProtocol } from "./client.ts";
import type { Environment } from "./environment.ts";
import { answerRequests, endpointOf, fetchFiles } from "./transfer.ts";

/** Sessions of the runner's one connection: more than it ever opens. */
const maxSessions = 64;

/**
 * Prints `listening HOST:PORT`. Ends when what it asks for is there and, in any case, when the client has gone or at
 * SIGTERM. The exit code: 0 unless something that it asked for is missing.
 */
export async function interopServer(environment: Environment): Promise<number> {
  const { host, port, certs } = environment;
  const server = new WebTransportServer({
    config: {
      certfile: join(certs, "cert.pem"),
      keyfile: join(certs, "priv.key"),
      maxSessionsPerConnection: maxSessions,
      logLevel: "warn",
      accessLog: false,
    },
  });
  process.once("SIGTERM", () => void server.close({ timeout: 0 }));
  const address = await server.listen({ host, port });
  console.log(`listening ${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`);

  const work = new InteropWork(environment);
  for await (const incoming of server.incomingSessions()) {
    void incoming.connection.closed.then(() => server.close({ timeout: 0 }));
    work.take(await accept(incoming, environment));
    if (work.isComplete === undefined) continue;
    void work.isComplete.then(() => server.close());
  }
  return work.exitCode;
}

async function accept(incoming: IncomingSession, { protocols }: Environment): Promise<WebTransportSession> {
  const protocol = incoming.protocols.find((offered) => protocols.includes(offered));
  return await incoming.accept(protocol === undefined ? {} : { protocol });
}

/** What the sessions are for, and how far that is. */
class InteropWork {
  readonly #environment: Environment;
  readonly #fetched: Promise<void>[] = [];
  readonly #sessions: WebTransportSession[] = [];
  exitCode = 0;
  /** Once every session that this side asks for files on is there. */
  isComplete: Promise<void> | undefined;

  constructor(environment: Environment) {
    this.#environment = environment;
    if (environment.kind !== undefined) this.exitCode = 1;
  }

  take(session: WebTransportSession): void {
    const { kind, isHandshake, requests, downloads } = this.#environment;
    this.#sessions.push(session);
    if (isHandshake) this.#fail(writeProtocol(downloads, session.protocol));
    if (kind === undefined) {
      this.#fail(answerRequests(session, this.#environment));
      return;
    }
    const request = requests.find(({ endpoint }) => endpoint === endpointOf(session));
    if (request === undefined) return;
    this.#fetched.push(fetchFiles(session, kind, request, downloads));
    if (this.#fetched.length === requests.length) this.isComplete = this.#complete();
  }

  /** The sessions end together: a client may end its connection with the first. */
  async #complete(): Promise<void> {
    try {
      await Promise.all(this.#fetched);
      this.exitCode = 0;
    } catch (error) {
      console.error(error);
    }
    await Promise.all(this.#sessions.map((session) => session.close()));
  }

  #fail(promise: Promise<void>): void {
    promise.catch((error: unknown) => {
      console.error(error);
      this.exitCode = 1;
    });
  }
}
