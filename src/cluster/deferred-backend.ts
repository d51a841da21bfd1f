import { ignore } from "../async/promises.ts";
import type { ServerConfig } from "../config/server-config.ts";
import type { ServerCloseOptions } from "../server/server.ts";

import type { ClusterBackend, ServerAddress } from "./cluster-backend.ts";
import type { ClusterMember } from "./cluster-member.ts";
import type { BackendInspection } from "./inspection.ts";
import type { ClusterStats } from "./stats/cluster-stats.ts";

/** A backend whose code is read when it is first needed: most processes import a cluster's code and start none. */
export class DeferredBackend implements ClusterBackend {
  readonly #read: () => Promise<ClusterBackend>;
  #reading: Promise<ClusterBackend> | undefined;
  #backend: ClusterBackend | undefined;

  constructor(read: () => Promise<ClusterBackend>) {
    this.#read = read;
  }

  get members(): readonly ClusterMember[] {
    return this.#backend?.members ?? [];
  }

  async start(configs: readonly ServerConfig[]): Promise<void> {
    await (await this.#ready()).start(configs);
  }

  /** Behind a start that still waits for the code, it comes after that start. Without the code nothing runs. */
  async stop(options: ServerCloseOptions): Promise<void> {
    await this.#reading?.catch(ignore);
    await this.#backend?.stop(options);
  }

  async add(config: ServerConfig): Promise<ClusterMember> {
    return (await this.#ready()).add(config);
  }

  async remove(address: ServerAddress): Promise<boolean> {
    return (await this.#ready()).remove(address);
  }

  async restart(): Promise<void> {
    await (await this.#ready()).restart();
  }

  async scale(workers: number, address: ServerAddress | undefined): Promise<void> {
    await (await this.#ready()).scale(workers, address);
  }

  async stats(): Promise<Omit<ClusterStats, "bus">> {
    return (await this.#ready()).stats();
  }

  inspect(): BackendInspection {
    return this.#backend?.inspect() ?? { servers: undefined, processes: [] };
  }

  /** What could not be read is read again by the next call; Node before 24 answers that with the same failure. */
  #ready(): Promise<ClusterBackend> {
    this.#reading ??= this.#read().then(
      (backend) => {
        this.#backend = backend;
        return backend;
      },
      (error: unknown) => {
        this.#reading = undefined;
        throw error;
      },
    );
    return this.#reading;
  }
}
