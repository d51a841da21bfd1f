/** The peer application's server: alone, or one of a cluster's workers. */
import { SessionError, WebTransportServer } from "tswebtransport";
import type {
  Address,
  ClusterApp,
  IncomingSession,
  ListenOptions,
  ServerCloseOptions,
  ServerConfig,
  ServerConfigOptions,
  WebTransportSession,
} from "tswebtransport";

import { EventLog } from "./event-log.ts";
import { makeRouter } from "./routes.ts";

export class PeerServer implements ClusterApp {
  readonly server: WebTransportServer;
  readonly #router = makeRouter();
  readonly #log = new EventLog();
  #serving: Promise<void> | undefined;

  constructor(config: ServerConfig | ServerConfigOptions) {
    this.server = new WebTransportServer({ config });
  }

  async listen(options: ListenOptions): Promise<Address> {
    const address = await this.server.listen(options);
    this.#serving = this.#serve();
    return address;
  }

  async close(options: ServerCloseOptions = {}): Promise<void> {
    await this.server.close(options);
  }

  /** Resolves when the server has closed. */
  async closed(): Promise<void> {
    await this.#serving;
    await this.server.close();
  }

  async #serve(): Promise<void> {
    for await (const request of this.server.incomingSessions()) {
      // The client may go before it is answered.
      void this.#answer(request).catch(() => undefined);
    }
  }

  async #answer(request: IncomingSession): Promise<void> {
    const route = this.#router.routeRequest(request);
    const status = route === undefined ? 404 : route.refusal?.(request.url.searchParams);
    if (route === undefined || status !== undefined) {
      await request.reject(status ?? 404);
      return;
    }
    const protocol = request.protocols.find((offered) => route.protocols?.includes(offered) === true);
    const session = (await request.accept(protocol === undefined ? {} : { protocol })) as WebTransportSession;
    this.#log.watchSession(session);
    try {
      await route.handler(session, request, { server: this.server, log: this.#log });
      await session.close();
    } catch (error) {
      // A handler that was waiting for its peer when the session ended has not failed.
      if (session.isClosed || error instanceof SessionError) return;
      console.error(error);
      await session.close({ code: 1, reason: "Internal server error", abort: true });
    }
  }
}
