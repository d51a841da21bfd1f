import type { Logger } from "../../config/logger.ts";
import type { TypedEmitter } from "../../events/emitter.ts";
import type { ServerStats } from "../../server/server-stats.ts";
import type { BusHub } from "../bus/bus-hub.ts";
import type { ClusterEventMap } from "../cluster-events.ts";
import type { ClusterSettings } from "../cluster-options.ts";
import { pastOf, sumStats } from "../stats/sum-stats.ts";
import { RelayFolder } from "./relay-folder.ts";

/** What all workers of a cluster share, from its start to its stop. */
export class ClusterContext {
  readonly settings: ClusterSettings;
  /** URL of the application's module. */
  readonly app: string;
  readonly logger: Logger;
  readonly events: TypedEmitter<ClusterEventMap>;
  readonly bus: BusHub;
  readonly #folder: RelayFolder;
  #past: ServerStats | undefined;
  #restarts = 0;

  /** Throws ServerError. */
  constructor(parts: ContextParts) {
    this.settings = parts.settings;
    this.app = parts.app;
    this.logger = parts.logger;
    this.events = parts.events;
    this.bus = parts.bus;
    this.#folder = new RelayFolder();
  }

  /** Replacements after a crash. */
  get restarts(): number {
    return this.#restarts;
  }

  countRestart(): void {
    this.#restarts += 1;
  }

  /** What processes that have ended had counted. */
  get past(): readonly ServerStats[] {
    return this.#past === undefined ? [] : [this.#past];
  }

  remember(stats: ServerStats | undefined): void {
    if (stats !== undefined) this.#past = sumStats([...this.past, pastOf(stats)]);
  }

  /** See {@link RelayFolder.newPath}. */
  newRelayPath(): string {
    return this.#folder.newPath();
  }

  /** Never rejects. */
  async close(): Promise<void> {
    await this.#folder.remove().catch((error: unknown) => {
      this.logger.warn({ error }, "the folder of the workers' local sockets could not be removed");
    });
  }
}

export interface ContextParts {
  readonly settings: ClusterSettings;
  readonly app: string;
  readonly logger: Logger;
  readonly events: TypedEmitter<ClusterEventMap>;
  readonly bus: BusHub;
}
