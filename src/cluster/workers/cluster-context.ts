import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Logger } from "../../config/logger.ts";
import { ServerError } from "../../errors/errors.ts";
import type { TypedEmitter } from "../../events/emitter.ts";
import type { ServerStats } from "../../server/server-stats.ts";
import type { BusHub } from "../bus/bus-hub.ts";
import type { ClusterEventMap } from "../cluster-events.ts";
import type { ClusterSettings } from "../cluster-options.ts";
import { pastOf, sumStats } from "../stats/sum-stats.ts";

/** What the path of a Unix socket may have at most (unix(7); macOS allows 104), its end included. */
const longestSocketPath = 104;

/** What all workers of a cluster share, from its start to its stop. */
export class ClusterContext {
  readonly settings: ClusterSettings;
  /** URL of the application's module. */
  readonly app: string;
  readonly logger: Logger;
  readonly events: TypedEmitter<ClusterEventMap>;
  readonly bus: BusHub;
  /** A folder that only this user can enter: whoever reaches a relay's socket can hand it packets. */
  readonly #folder: string;
  #processCount = 0;
  #past: ServerStats | undefined;
  #restarts = 0;

  private constructor(parts: ContextParts, folder: string) {
    this.settings = parts.settings;
    this.app = parts.app;
    this.logger = parts.logger;
    this.events = parts.events;
    this.bus = parts.bus;
    this.#folder = folder;
  }

  static async create(parts: ContextParts): Promise<ClusterContext> {
    return new ClusterContext(parts, await mkdtemp(join(tmpdir(), "tswt-")));
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

  /** Never the same twice: a process that ends may take its socket away late. Throws ServerError. */
  newRelayPath(): string {
    this.#processCount += 1;
    const path = join(this.#folder, String(this.#processCount));
    if (Buffer.byteLength(path) < longestSocketPath) return path;
    throw new ServerError(`The path of the folder for temporary files is too long for a local socket: ${path}`);
  }

  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

export interface ContextParts {
  readonly settings: ClusterSettings;
  readonly app: string;
  readonly logger: Logger;
  readonly events: TypedEmitter<ClusterEventMap>;
  readonly bus: BusHub;
}
