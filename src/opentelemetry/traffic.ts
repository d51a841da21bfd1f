import type { EndedTotals, WebTransportServer } from "../server/index.ts";

/** Traffic of sessions that have ended and of those that live. */
type Traffic = Pick<
  EndedTotals,
  | "streams"
  | "streamErrors"
  | "bytesSent"
  | "bytesReceived"
  | "datagramsSent"
  | "datagramsReceived"
  | "datagramsDropped"
>;

/** Adds the living sessions to what the server counts of the ended ones. Its figures never fall, as counters must not. */
export class GrowingTraffic {
  #last: Traffic | undefined;

  read(server: WebTransportServer, ended: EndedTotals): Traffic {
    const sum = { ...ended };
    for (const session of server.sessions) {
      const stats = session.getStats();
      sum.streams += stats.streamsOpened + stats.streamsAccepted;
      sum.streamErrors += stats.streamErrors;
      sum.bytesSent += stats.bytesSent;
      sum.bytesReceived += stats.bytesReceived;
      sum.datagramsSent += stats.datagramsSent;
      sum.datagramsReceived += stats.datagramsReceived;
      sum.datagramsDropped += stats.datagramsDropped;
    }
    // An application may have taken a connection out of the server's sight.
    const last = this.#last ?? sum;
    this.#last = {
      streams: Math.max(sum.streams, last.streams),
      streamErrors: Math.max(sum.streamErrors, last.streamErrors),
      bytesSent: Math.max(sum.bytesSent, last.bytesSent),
      bytesReceived: Math.max(sum.bytesReceived, last.bytesReceived),
      datagramsSent: Math.max(sum.datagramsSent, last.datagramsSent),
      datagramsReceived: Math.max(sum.datagramsReceived, last.datagramsReceived),
      datagramsDropped: Math.max(sum.datagramsDropped, last.datagramsDropped),
    };
    return this.#last;
  }
}
