/** What the peers did, as `/report` tells it. */
import { EventType, StreamError } from "tswebtransport";
import type { BidirectionalStream, CloseInfo, ReceiveStream, SendStream, WebTransportSession } from "tswebtransport";

/** Events that are kept; the oldest goes first. */
const capacity = 400;

export interface LoggedEvent {
  /** Seconds since the program started. */
  readonly t: number;
  readonly kind: string;
  readonly [field: string]: unknown;
}

export class EventLog {
  readonly #events: LoggedEvent[] = [];
  readonly #started = performance.now();
  readonly #live = new Set<WebTransportSession>();
  #bytesIn = 0;
  #datagramsIn = 0;

  get events(): readonly LoggedEvent[] {
    return this.#events;
  }

  /** Of all sessions, those that have ended included. */
  get traffic(): { readonly datagrams_in: number; readonly bytes_in: number } {
    let [datagrams, bytes] = [this.#datagramsIn, this.#bytesIn];
    for (const session of this.#live) {
      const stats = session.getStats();
      datagrams += stats.datagramsReceived;
      bytes += stats.bytesReceived;
    }
    return { datagrams_in: datagrams, bytes_in: bytes };
  }

  add(kind: string, fields: Readonly<Record<string, unknown>>): void {
    const t = Math.round(performance.now() - this.#started) / 1000;
    this.#events.push({ t, kind, ...fields });
    if (this.#events.length > capacity) this.#events.shift();
  }

  watchSession(session: WebTransportSession): void {
    const { path } = session;
    this.#live.add(session);
    this.add("connect", { path });
    session.on(EventType.SESSION_DRAINING, () => {
      this.add("session_drain", { path });
    });
    void session.closed.then((info) => {
      const stats = session.getStats();
      this.#live.delete(session);
      this.#bytesIn += stats.bytesReceived;
      this.#datagramsIn += stats.datagramsReceived;
      this.#sessionEnded(path, info);
    });
  }

  /** Logs what the peer does to a stream before it ends well: reset, stop sending. */
  watchStream(stream: BidirectionalStream | ReceiveStream | SendStream): void {
    const logs = (kind: string, code: string) => (error: unknown) => {
      if (error instanceof StreamError && error.code === code) {
        this.add(kind, { stream: stream.id, code: error.streamErrorCode });
      }
    };
    // A half that this side ends, too, fails with one of these codes: only the peer's doing is told.
    if (stream.direction !== "send_only") stream.readClosed.catch(logs("stream_reset", "ERR_WT_STREAM_RESET"));
    if (stream.direction !== "receive_only") stream.writeClosed.catch(logs("stop_sending", "ERR_WT_STREAM_STOPPED"));
  }

  #sessionEnded(path: string, info: CloseInfo): void {
    if (!info.clean) this.add("session_lost", { path, error: info.error.message });
    else if (info.by === "local") return;
    else if (info.withoutCapsule !== true) this.add("session_close", { path, code: info.code, reason: info.reason });
    // Some close the connection with the session's code instead.
    else if (info.code !== 0) this.add("connect_fin", { path, code: info.code, reason: info.reason });
    else this.add("connect_fin", { path });
  }
}
