import { settledWithin } from "../async/settled-within.ts";
import { serverDefaults } from "../constants/defaults.ts";
import type { WebTransportConnection } from "../transport/connection/connection.ts";
import type { Session } from "../transport/types.ts";

import type { ServerLife } from "./life.ts";
import type { ServerCloseOptions } from "./server-options.ts";

/** Milliseconds that clients have to close their connections themselves once their sessions have been closed. */
const lingerTime = 250;

/** The sessions and connections that are open now. */
interface Clients {
  readonly sessions: readonly Session[];
  readonly connections: readonly WebTransportConnection[];
}

/**
 * Asks every session to drain, waits for them up to `timeout`, closes those that are left, then every connection. Waits for
 * nothing when the life is forced to its end.
 */
export async function closeClients(clients: Clients, life: ServerLife, options: ServerCloseOptions): Promise<void> {
  const { timeout = serverDefaults.closeTimeout, code = 0, reason = "" } = options;
  const { sessions } = clients;
  for (const session of sessions) session.drain();
  await life.unlessForced(settledWithin(Promise.all(sessions.map((session) => session.closed)), timeout));
  await closeSessions(clients, life, code, reason);
  await life.unlessForced(Promise.all(clients.connections.map((connection) => connection.close({ code, reason }))));
}

async function closeSessions(clients: Clients, life: ServerLife, code: number, reason: string): Promise<void> {
  const { sessions, connections } = clients;
  if (sessions.length === 0) return;
  await life.unlessForced(Promise.all(sessions.map((session) => session.close({ code, reason }))));
  // Chromium closes the connection of a session that has ended, and tells its page of a lost one when it is not the first.
  const gone = Promise.all(connections.map((connection) => connection.closed));
  await life.unlessForced(settledWithin(gone, lingerTime));
}
