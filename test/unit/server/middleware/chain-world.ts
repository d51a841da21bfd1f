import { generateSelfSignedCertificate } from "../../../../src/certificates/self-signed.ts";
import { connect } from "../../../../src/client/connect.ts";
import type { ClientOptions } from "../../../../src/client/connect.ts";
import type { Middleware } from "../../../../src/server/middleware/middleware.ts";
import { MiddlewareManager } from "../../../../src/server/middleware/middleware-manager.ts";
import { WebTransportServer } from "../../../../src/server/server.ts";
import { memoryEngine } from "../../../../src/testing/index.ts";
import type { IncomingSession } from "../../../../src/transport/session/request.ts";
import type { WebTransportSession } from "../../../../src/transport/session/session.ts";

const identity = generateSelfSignedCertificate();

/** A server on a network in memory whose requests go through a chain of middleware; what goes on is accepted and echoes. */
export class ChainWorld {
  readonly engine = memoryEngine();
  readonly manager = new MiddlewareManager();
  readonly requests: IncomingSession[] = [];
  readonly accepted: WebTransportSession[] = [];
  readonly #server = new WebTransportServer({
    config: { logLevel: "silent" },
    engine: this.engine,
    certificate: () => identity,
  });

  static async start(...chain: readonly Middleware[]): Promise<ChainWorld> {
    const world = new ChainWorld();
    for (const middleware of chain) world.manager.addMiddleware(middleware);
    world.#server.handleSessions((incoming) => world.#handle(incoming));
    await world.#server.listen({ host: "127.0.0.1", port: 4433 });
    return world;
  }

  async connect(path: string, options: ClientOptions = {}): Promise<WebTransportSession> {
    const serverCertificateHashes = [(await identity).certificateHash];
    const url = `https://127.0.0.1:4433${path}`;
    return connect(url, { engine: this.engine, serverCertificateHashes, maxRetries: 0, ...options });
  }

  /** The status and headers of the refusal that a client gets. */
  async refusal(path: string, options?: ClientOptions): Promise<unknown> {
    return this.connect(path, options).then(
      () => "accepted",
      (error: unknown) => error,
    );
  }

  async close(): Promise<void> {
    await this.#server.close({ timeout: 0 });
    await this.engine.clock.settle();
  }

  async #handle(incoming: IncomingSession): Promise<void> {
    this.requests.push(incoming);
    if (await this.manager.processRequest(incoming)) this.accepted.push(await incoming.accept());
    else if (incoming.rejection !== undefined) await incoming.reject(incoming.rejection.status, incoming.rejection);
  }
}
