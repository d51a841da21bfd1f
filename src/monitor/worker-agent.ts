/** What a cluster's worker process answers a monitor with: the cluster runs {@link answerMonitor} in it. */
import { ServerError } from "../errors/errors.ts";
import { WebTransportServer } from "../server/server.ts";

import { EventLoopMeter } from "./process-figures.ts";
import { sampleServer } from "./sample-server.ts";
import { listServerSessions, serverSession } from "./session-list.ts";
import { sessionQuery } from "./session-query.ts";
import type { Figures, SessionDetail, SessionList, SessionQuery } from "./target.ts";

/** What a monitor asks for, by name; all of it is plain data. `worker`: what the monitor calls the process. */
export interface AgentCalls {
  /** `measurement` names a monitor that wants the event loop to be measured from now on. */
  readonly sample: { readonly measurement: string | undefined };
  /** The first `offset` + `limit` rows: `mergeSessionLists()` cuts them when it has every worker's. */
  readonly listSessions: { readonly worker: string; readonly query: SessionQuery };
  readonly session: { readonly worker: string; readonly id: string };
  /** The monitor has stopped. */
  readonly endMeasurement: { readonly measurement: string };
}

export interface AgentAnswers {
  readonly sample: Figures;
  readonly listSessions: SessionList;
  readonly session: SessionDetail | undefined;
  readonly endMeasurement: undefined;
}

export type AgentCall = {
  readonly [Name in keyof AgentCalls]: { readonly name: Name } & AgentCalls[Name];
}[keyof AgentCalls];

/** Of this process. */
const meter = new EventLoopMeter();
const measurements = new Map<string, () => void>();

/** `server`: of the worker's app. Rejects with ServerError when that is none of this package. */
export async function answerMonitor(server: unknown, call: AgentCall): Promise<AgentAnswers[keyof AgentAnswers]> {
  if (!(server instanceof WebTransportServer)) {
    throw new ServerError("Cannot monitor a worker whose app has no WebTransportServer of the cluster's own package");
  }
  switch (call.name) {
    case "sample": {
      const { measurement } = call;
      if (measurement !== undefined && !measurements.has(measurement)) measurements.set(measurement, meter.start());
      return sampleServer(server, meter);
    }
    case "listSessions": {
      const query = sessionQuery(call.query);
      return listServerSessions(server, { ...query, offset: 0, limit: query.limit + query.offset }, call.worker);
    }
    case "session":
      return serverSession(server, call.id, call.worker);
    case "endMeasurement":
      measurements.get(call.measurement)?.();
      measurements.delete(call.measurement);
      return undefined;
  }
}
