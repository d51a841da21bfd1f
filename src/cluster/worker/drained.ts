import type { ServerStats } from "../../server/server-stats.ts";

/** Milliseconds between two looks. */
const interval = 50;
/** Milliseconds that a connection without sessions gets for a request that may be on its way. */
const patience = 2000;

/** Resolves when a server that takes no new connections has nothing to do any more, at the latest after `timeout` milliseconds. */
export async function drained(getStats: () => ServerStats, timeout: number): Promise<void> {
  const begin = performance.now();
  let idleSince: number | undefined;
  for (;;) {
    const now = performance.now();
    const { connections, sessions, requests, pendingHandshakes } = getStats();
    const isIdle = sessions + requests + pendingHandshakes === 0;
    idleSince = isIdle ? (idleSince ?? now) : undefined;
    const hasEnded = isIdle && (connections === 0 || now - (idleSince ?? now) >= patience);
    if (hasEnded || now - begin >= timeout) return;
    await new Promise((resolve) => {
      setTimeout(resolve, Math.min(interval, timeout));
    });
  }
}
