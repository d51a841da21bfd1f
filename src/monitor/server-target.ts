import type { Logger } from "../config/logger.ts";
import { inspectServer } from "../server/server.ts";
import type { WebTransportServer } from "../server/server.ts";

import { EventLoopMeter } from "./process-figures.ts";
import { sampleServer } from "./sample-server.ts";
import { listServerSessions, serverSession } from "./session-list.ts";
import { sessionQuery } from "./session-query.ts";
import { WorkerState } from "./target.ts";
import type { MonitorTarget, SessionDetail, SessionList, SessionQuery, TargetSample } from "./target.ts";

/** A server of this process. */
export class ServerTarget implements MonitorTarget {
  readonly logger: Logger;
  readonly #server: WebTransportServer;
  readonly #meter = new EventLoopMeter();

  constructor(server: WebTransportServer) {
    this.#server = server;
    this.logger = inspectServer(server).logger;
  }

  get isServing(): boolean {
    return this.#server.isServing;
  }
  get isDraining(): boolean {
    return this.#server.isDraining;
  }
  get hasServed(): boolean {
    // It keeps its address when it closes, so it does not matter whether anybody has looked before.
    return this.#server.localAddress !== undefined;
  }

  get isAlive(): boolean {
    return this.isServing || this.isDraining || !this.hasServed;
  }

  measure(): () => void {
    return this.#meter.start();
  }

  async sample(): Promise<TargetSample> {
    const figures = await sampleServer(this.#server, this.#meter);
    const { isServing, isDraining, hasServed } = this;
    const state = isServing ? WorkerState.SERVING : isDraining ? WorkerState.DRAINING : WorkerState.IDLE;
    return {
      timestamp: Date.now(),
      isServing,
      isDraining,
      hasServed,
      workers: [{ id: "", instance: "", pid: process.pid, state, restarts: 0, figures }],
      figures,
    };
  }

  async listSessions(query?: SessionQuery): Promise<SessionList> {
    return listServerSessions(this.#server, sessionQuery(query));
  }

  session(id: string): Promise<SessionDetail | undefined> {
    return Promise.resolve(serverSession(this.#server, id));
  }
}
