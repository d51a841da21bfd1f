import { ServerError } from "../errors/errors.ts";
import type { ServerConfig } from "../config/server-config.ts";
import { WebTransportServer } from "../server/server.ts";
import type { ServerCloseOptions } from "../server/server.ts";
import type { Logger } from "../config/logger.ts";

import type { ClusterBackend, ServerAddress } from "./cluster-backend.ts";
import type { BackendInspection } from "./inspection.ts";
import type { ClusterStats, WorkerStats } from "./stats/cluster-stats.ts";
import { clusterStats } from "./stats/gather-stats.ts";
import { pastOf, sumStats } from "./stats/sum-stats.ts";
import type { ServerStats } from "../server/server-stats.ts";

interface LocalMember {
  readonly id: number;
  readonly server: WebTransportServer;
}

/** Servers of this process, without `app`. */
export class LocalMembers implements ClusterBackend {
  readonly #logger: Logger;
  #members: readonly LocalMember[] = [];
  /** Taken out, but they still close: a stop waits for them, too. */
  readonly #leaving = new Set<WebTransportServer>();
  #count = 0;
  #past: ServerStats | undefined;
  #isStopped = true;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get members(): readonly WebTransportServer[] {
    return this.#members.map(({ server }) => server);
  }

  async start(configs: readonly ServerConfig[]): Promise<void> {
    this.#isStopped = false;
    const servers = configs.map((config) => new WebTransportServer({ config }));
    // So that a stop meanwhile finds them.
    this.#members = servers.map((server) => this.#numbered(server));
    const results = await Promise.allSettled(servers.map((server) => server.listen()));
    const causes = results.filter((result) => result.status === "rejected").map(({ reason }): unknown => reason);
    if (causes.length === 0) return;
    this.#members = [];
    await this.#close(servers, { timeout: 0 });
    throw new AggregateError(causes, `${causes.length} of ${servers.length} servers could not start`);
  }

  async stop(options: ServerCloseOptions): Promise<void> {
    this.#isStopped = true;
    const servers = this.members;
    await this.#close([...servers, ...this.#leaving], options);
    this.#forget(servers);
  }

  async add(config: ServerConfig): Promise<WebTransportServer> {
    const server = new WebTransportServer({ config });
    await server.listen();
    if (this.#isStopped) {
      await server.close({ timeout: 0 });
      throw new ServerError("The cluster was stopped while the server was starting");
    }
    this.#members = [...this.#members, this.#numbered(server)];
    return server;
  }

  async remove({ host, port }: ServerAddress): Promise<boolean> {
    const server = this.members.find(({ localAddress }) => localAddress?.host === host && localAddress.port === port);
    if (server === undefined) return false;
    const rest = this.#members.filter((member) => member.server !== server);
    this.#members = rest;
    this.#leaving.add(server);
    await this.#close([server], {});
    this.#leaving.delete(server);
    this.#remember(server);
    return true;
  }

  restart(): Promise<void> {
    return Promise.reject(needsApp("restart()"));
  }

  scale(): Promise<void> {
    return Promise.reject(needsApp("scale()"));
  }

  stats(): Promise<Omit<ClusterStats, "bus">> {
    const workers = this.#members.map((member) => workerStats(member));
    const past = this.#past === undefined ? [] : [this.#past];
    return Promise.resolve(clusterStats({ serverCount: workers.length, workers, past, restarts: 0 }));
  }

  inspect(): BackendInspection {
    return { servers: this.members, processes: [] };
  }

  #numbered(server: WebTransportServer): LocalMember {
    this.#count += 1;
    return { id: this.#count, server };
  }

  async #close(servers: readonly WebTransportServer[], options: ServerCloseOptions): Promise<void> {
    const results = await Promise.allSettled(servers.map((server) => server.close(options)));
    for (const result of results) {
      if (result.status === "fulfilled") continue;
      const error: unknown = result.reason;
      this.#logger.error({ error }, "a server could not be closed");
    }
  }

  #forget(servers: readonly WebTransportServer[]): void {
    for (const server of servers) this.#remember(server);
    this.#members = this.#members.filter(({ server }) => !servers.includes(server));
  }

  #remember(server: WebTransportServer): void {
    const past = pastOf(server.getServerStats());
    this.#past = this.#past === undefined ? past : sumStats([this.#past, past]);
  }
}

function workerStats({ id, server }: LocalMember): WorkerStats {
  const stats = server.getServerStats();
  return {
    id,
    pid: process.pid,
    slot: undefined,
    state: server.isServing ? "active" : "draining",
    isHung: false,
    share: undefined,
    address: server.localAddress,
    age: stats.uptime,
    restarts: 0,
    stats,
    eventLoop: undefined,
    memory: undefined,
    forwarding: undefined,
    bus: undefined,
  };
}

function needsApp(call: string): ServerError {
  return new ServerError(`${call} needs worker processes: give the cluster the option \`app\``);
}
