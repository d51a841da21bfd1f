/** What a cluster's worker process answers a monitor with: all of it is plain data. */
import type { WebTransportServer } from "../server/server.ts";

import { mergeSessionLists } from "./merge.ts";
import { EventLoopMeter } from "./process-figures.ts";
import { sampleServer } from "./sample-server.ts";
import { listServerSessions, serverSession } from "./session-list.ts";
import { sessionQuery } from "./session-query.ts";
import type { Figures, SessionDetail, SessionList, SessionQuery } from "./target.ts";

export interface WorkerAgent {
  sample(): Promise<Figures>;
  /** The first `offset` + `limit` rows of the query: `mergeSessionLists()` cuts them when it has every worker's. */
  listSessions(query: SessionQuery): Promise<SessionList>;
  session(id: string): SessionDetail | undefined;
  /** Ends what is measured. */
  close(): void;
}

/** Measures the event loop until it is closed. `worker`: the slot's number as text. `servers`: those of the process. */
export function createWorkerAgent(servers: readonly WebTransportServer[], worker: string): WorkerAgent {
  const meter = new EventLoopMeter();
  const close = meter.start();
  return {
    sample: () => sampleServer(servers, meter),
    listSessions: async (query) => {
      const complete = sessionQuery(query);
      const whole = { ...complete, offset: 0, limit: complete.limit + complete.offset };
      const lists = await Promise.all(servers.map((server) => listServerSessions(server, whole, worker)));
      return mergeSessionLists(lists, whole);
    },
    session: (id) => {
      for (const server of servers) {
        const found = serverSession(server, id, worker);
        if (found !== undefined) return found;
      }
      return undefined;
    },
    close,
  };
}
