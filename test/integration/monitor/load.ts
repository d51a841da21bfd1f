/** A load over real UDP whose counts are known: what a client has done, the server's metrics must tell. */
import type { WebTransportSession } from "../../../src/transport/session/session.ts";

import { echoed, turnsUntil } from "../end-to-end/local-server.ts";
import type { LocalServer } from "../end-to-end/local-server.ts";

export interface LoadCounts {
  sessions: number;
  refused: number;
  streams: number;
  /** To the server; as many come back. */
  bytes: number;
  datagrams: number;
}

/** `each`: how many streams and datagrams every session echoes. Its sessions stay open. */
export async function runLoad(
  server: LocalServer,
  { sessions, each, refused }: { readonly sessions: number; readonly each: number; readonly refused: number },
): Promise<{ readonly counts: LoadCounts; readonly open: readonly WebTransportSession[] }> {
  const counts: LoadCounts = { sessions: 0, refused: 0, streams: 0, bytes: 0, datagrams: 0 };
  const open = await Promise.all(Array.from({ length: sessions }, () => server.connect("/echo")));
  counts.sessions = open.length;
  await Promise.all(
    open.map(async (session) => {
      for (let index = 0; index < each; index += 1) {
        const text = "x".repeat(1 + index * 100);
        if ((await echoed(session, text)) !== text) throw new Error("The echo is another");
        counts.streams += 1;
        counts.bytes += text.length;
        // One is on its way at a time: none is dropped.
        await session.datagrams.send("ping");
        await session.datagrams.receive();
        counts.datagrams += 1;
      }
    }),
  );
  for (let index = 0; index < refused; index += 1) {
    await server.connect("/nowhere", { maxRetries: 0 }).catch(() => {
      counts.refused += 1;
    });
  }
  // The connections of those that were refused have gone.
  await turnsUntil(() => server.stats.connections === sessions);
  return { counts, open };
}
