import { inspectServer } from "../server/server.ts";
import type { WebTransportServer } from "../server/server.ts";
import type { Session } from "../transport/types.ts";

import { rowOrder } from "./session-query.ts";
import type { CompleteSessionQuery } from "./session-query.ts";
import { inSlices } from "./slices.ts";
import type { SessionDetail, SessionList, SessionRow } from "./target.ts";

/** The open sessions of a server as `query` wants them; looks at all of them in slices. `worker`: its id in a cluster. */
export async function listServerSessions(
  server: WebTransportServer,
  query: CompleteSessionQuery,
  worker = "",
): Promise<SessionList> {
  const { limit, offset, order, filter } = query;
  const { sessions } = inspectServer(server).account;
  const best = new FirstRows(offset + limit, rowOrder(order));
  let matching = 0;
  const total = sessions.count;
  await inSlices(sessions.shown.values(), total, (session) => {
    if (session.isClosed || !matches(session, filter)) return;
    matching += 1;
    best.add(rowOf(session, worker));
  });
  return { rows: best.rows.slice(offset), matching, total };
}

/** `id`: as a row has it. */
export function serverSession(server: WebTransportServer, id: string, worker = ""): SessionDetail | undefined {
  const prefix = worker === "" ? "" : `${worker}:`;
  if (!id.startsWith(prefix)) return undefined;
  const session = inspectServer(server).account.sessions.shown.get(id.slice(prefix.length));
  if (session === undefined) return undefined;
  const { connection } = session;
  return {
    row: rowOf(session, worker),
    stats: session.getStats(),
    connection: {
      id: connection.id,
      localAddress: connection.localAddress,
      remoteAddress: connection.remoteAddress,
      serverName: connection.serverName,
      draft: connection.draft,
      sessions: connection.sessions.length,
      stats: connection.getStats(),
    },
    debugState: session.debugState(),
    issues: session.diagnoseIssues(),
  };
}

function rowOf(session: Session, worker: string): SessionRow {
  const stats = session.getStats();
  return {
    id: worker === "" ? session.id : `${worker}:${session.id}`,
    worker,
    path: session.path,
    protocol: session.protocol,
    remoteAddress: session.remoteAddress,
    state: session.state,
    age: stats.duration,
    rtt: session.connection.getStats().rtt,
    streams: stats.streamsActive,
    bytesSent: stats.bytesSent,
    bytesReceived: stats.bytesReceived,
    datagramsSent: stats.datagramsSent,
    datagramsReceived: stats.datagramsReceived,
    datagramsDropped: stats.datagramsDropped,
    bufferedBytes: stats.bufferedBytes,
  };
}

function matches(session: Session, filter: string): boolean {
  if (filter === "") return true;
  const { host, port } = session.remoteAddress;
  return `${session.id} ${session.path} ${host}:${port} ${session.state}`.toLowerCase().includes(filter);
}

/** The first `capacity` rows in an order, of any number that are added. */
class FirstRows {
  readonly #rows: SessionRow[] = [];
  readonly #capacity: number;
  readonly #order: (left: SessionRow, right: SessionRow) => number;

  constructor(capacity: number, order: (left: SessionRow, right: SessionRow) => number) {
    this.#capacity = capacity;
    this.#order = order;
  }

  get rows(): readonly SessionRow[] {
    this.#cut();
    return this.#rows;
  }

  /** Sorted now and then, not for each row. */
  add(row: SessionRow): void {
    this.#rows.push(row);
    if (this.#rows.length >= 2 * this.#capacity + 100) this.#cut();
  }

  #cut(): void {
    this.#rows.sort(this.#order);
    if (this.#rows.length > this.#capacity) this.#rows.length = this.#capacity;
  }
}
