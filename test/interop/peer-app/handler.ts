import type { IncomingSession, WebTransportServer, WebTransportSession } from "tswebtransport";

import type { EventLog } from "./event-log.ts";

export interface PeerContext {
  readonly server: WebTransportServer;
  readonly log: EventLog;
}

/** What a path does with a session, which lives as long as it takes. */
export type Handler = (session: WebTransportSession, request: IncomingSession, peer: PeerContext) => Promise<void>;

/** A whole number from the query, 0 to 2^32 - 1; undefined when it is something else. */
export function numberOf(query: URLSearchParams, name: string, fallback: number): number | undefined {
  const text = query.get(name);
  if (text === null) return fallback;
  return /^\d{1,10}$/.test(text) && Number(text) <= 0xffff_ffff ? Number(text) : undefined;
}
