import type { WebTransportServer } from "../server/server.ts";

import { Accumulator } from "./accumulator.ts";
import { mergeSamples, mergeSessionLists } from "./merge.ts";
import { memoryFigures } from "./process-figures.ts";
import type { EventLoopMeter } from "./process-figures.ts";
import { sampleWithoutProcess } from "./sample-server.ts";
import { listServerSessions, serverSession } from "./session-list.ts";
import type { CompleteSessionQuery } from "./session-query.ts";
import type { SessionDetail, SessionList, WorkerSample, WorkerState } from "./target.ts";

/** Servers of this process that come and go, as one: what one has counted stays when it is gone. */
export class LocalServers {
  readonly #servers: () => readonly WebTransportServer[];
  readonly #meter: EventLoopMeter;
  readonly #totals = new Accumulator();
  readonly #numbers = new WeakMap<WebTransportServer, number>();
  #count = 0;

  constructor(servers: () => readonly WebTransportServer[], meter: EventLoopMeter) {
    this.#servers = servers;
    this.#meter = meter;
  }

  /** Without figures until there has been a server. */
  async sample(state: WorkerState): Promise<readonly WorkerSample[]> {
    const common = { instance: "", pid: process.pid, state, restarts: 0 };
    const each = await Promise.all(
      this.#servers().map(async (server): Promise<WorkerSample> => {
        const figures = await sampleWithoutProcess(server, this.#meter);
        return { ...common, id: String(this.#numberOf(server)), figures };
      }),
    );
    const now = { timestamp: Date.now(), isServing: false, isDraining: false, hasServed: false };
    const figures = this.#totals.add(mergeSamples(each, now));
    const ofProcess = { eventLoop: this.#meter.figures, memory: memoryFigures() };
    return [{ ...common, id: "", figures: figures && { ...figures, ...ofProcess } }];
  }

  async listSessions(query: CompleteSessionQuery): Promise<SessionList> {
    const whole = { ...query, offset: 0, limit: query.limit + query.offset };
    const lists = await Promise.all(this.#servers().map((server) => listServerSessions(server, whole)));
    return mergeSessionLists(lists, query);
  }

  session(id: string): SessionDetail | undefined {
    for (const server of this.#servers()) {
      const found = serverSession(server, id);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #numberOf(server: WebTransportServer): number {
    const known = this.#numbers.get(server);
    if (known !== undefined) return known;
    this.#count += 1;
    this.#numbers.set(server, this.#count);
    return this.#count;
  }
}
