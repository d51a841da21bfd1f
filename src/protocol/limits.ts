/** What one connection's core keeps or counts at most. Durations in milliseconds, sizes in bytes. */
export interface ProtocolLimits {
  /** Payload of a HEADERS frame, compressed, that is kept until it is whole; a larger one is skipped. */
  readonly maxHeadersPayload: number;
  /**
   * Payload of a HEADERS frame that is skipped; more: H3_EXCESSIVE_LOAD. A client that exceeds `maxHeadersPayload` by
   * mistake gets an answer, and the connection's other sessions live on; a mistake is never this large.
   */
  readonly maxSkippedHeaders: number;
  /** Field section as RFC 9114 §4.2.2 counts it; announced, and checked while decoding. */
  readonly maxFieldSectionSize: number;
  readonly maxFields: number;
  /** Payload of SETTINGS and other frames of the control stream. */
  readonly maxControlPayload: number;
  /** Frames of the control stream in `rateWindow`. */
  readonly maxControlFrames: number;
  /** Frames without any effect on a stream, one after the other. */
  readonly maxIdleFrames: number;
  /** Requests that the peer gives up before their answer, in `rateWindow`: a rapid reset costs more here than at the peer. */
  readonly maxRequests: number;
  readonly rateWindow: number;
  /** Unknown unidirectional streams that are open and discarded at a time. */
  readonly maxUnknownStreams: number;
  /** Streams whose first bytes are incomplete. */
  readonly maxIncompleteStreams: number;
  /** For the first bytes of a stream and for the header section of a peer's request. */
  readonly prefixTimeout: number;
  /** WebTransport streams that wait for sessions without a request, at the end of the engine's turn. */
  readonly maxParkedStreams: number;
  /** Bytes of all streams that wait for their session: no more is granted for them, so QUIC's limits hold as well. */
  readonly maxParkedBytes: number;
  /** Datagrams that wait for sessions without a request, at the end of the engine's turn. */
  readonly maxParkedDatagrams: number;
  /** How long streams and datagrams wait for a session without a request. */
  readonly parkTimeout: number;
  /** Datagrams that wait for the answer to their session's request: as many as an open session queues. */
  readonly maxEarlyDatagrams: number;
  /** Their bytes. */
  readonly maxEarlyDatagramBytes: number;
  /** How long a session request waits for the peer's SETTINGS. */
  readonly settingsTimeout: number;
  /** How long the peer may leave its half of a session's stream open after the session has ended. */
  readonly closeTimeout: number;
  /** How long after the first GOAWAY requests are still served that were on their way: more than a round trip. */
  readonly goawayDelay: number;
  /** Bytes of a request's body that wait for the answer. */
  readonly maxEarlyBody: number;
  /** Capsules of known types in a second, per session. */
  readonly maxCapsules: number;
  /** How far a session id may be ahead of the requests that have arrived, as a number of requests. */
  readonly maxRequestsAhead: number;
}

export const defaultLimits: ProtocolLimits = Object.freeze({
  maxHeadersPayload: 65_536,
  maxSkippedHeaders: 1_048_576,
  maxFieldSectionSize: 65_536,
  maxFields: 256,
  maxControlPayload: 16_384,
  maxControlFrames: 1000,
  maxIdleFrames: 1000,
  maxRequests: 200,
  rateWindow: 10_000,
  maxUnknownStreams: 16,
  maxIncompleteStreams: 64,
  prefixTimeout: 10_000,
  maxParkedStreams: 24,
  maxParkedBytes: 2_097_152,
  maxParkedDatagrams: 32,
  parkTimeout: 5000,
  maxEarlyDatagrams: 256,
  maxEarlyDatagramBytes: 1_048_576,
  settingsTimeout: 5000,
  closeTimeout: 5000,
  goawayDelay: 1000,
  maxEarlyBody: 65_536,
  maxCapsules: 1000,
  maxRequestsAhead: 4096,
});

/** Counts events in windows of time: a burst may take two windows' worth. */
export class RateLimit {
  readonly #most: number;
  readonly #window: number;
  #since = -Infinity;
  #count = 0;

  constructor(most: number, window: number) {
    this.#most = most;
    this.#window = window;
  }

  /** Counts one; false when it is one too many. */
  count(now: number): boolean {
    if (now - this.#since >= this.#window) {
      this.#since = now;
      this.#count = 0;
    }
    this.#count += 1;
    return this.#count <= this.#most;
  }
}

/** `given` and, for the others, the defaults. Throws RangeError: a misspelt or missing number would bound nothing. */
export function limitsOf(given: Partial<ProtocolLimits>): ProtocolLimits {
  for (const [name, value] of Object.entries(given) as [string, unknown][]) {
    if (!Object.hasOwn(defaultLimits, name)) throw new RangeError(`limits has "${name}", which is no limit`);
    if (typeof value !== "number" || !(value >= 0)) {
      throw new RangeError(`limits.${name} must be a number from 0, not ${String(value)}`);
    }
  }
  return { ...defaultLimits, ...given };
}
