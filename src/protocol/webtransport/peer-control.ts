import { WireCodes } from "../../constants/wire-codes.ts";
import { StreamType } from "../../constants/http3.ts";
import { connectionError } from "../wire-errors.ts";
import { ControlStream } from "../http3/control-stream.ts";
import type { ControlEvents } from "../http3/control-stream.ts";
import type { ProtocolLimits } from "../limits.ts";
import { QpackPeerStream } from "../qpack/peer-streams.ts";

/** The peer's unidirectional streams besides WebTransport's: control, QPACK, and those that nobody knows (RFC 9114 §6.2). */
export class PeerControlStreams {
  readonly #role: "client" | "server";
  readonly #limits: ProtocolLimits;
  readonly #control: ControlStream;
  readonly #byType = new Map<number, number>();
  readonly #critical = new Map<number, { push(chunk: Uint8Array, now: number): void }>();
  readonly #unknown = new Set<number>();

  constructor(role: "client" | "server", limits: ProtocolLimits, events: ControlEvents) {
    this.#role = role;
    this.#limits = limits;
    this.#control = new ControlStream(role, limits, events);
  }

  has(streamId: number): boolean {
    return this.#critical.has(streamId) || this.#unknown.has(streamId);
  }

  /** Takes a stream in. Gives a code when the peer is to be asked to stop sending. Throws WireError. */
  open(streamId: number, type: number): bigint | undefined {
    switch (type) {
      case StreamType.control:
        this.#openCritical(streamId, type, this.#control);
        return undefined;
      case StreamType.qpackEncoder:
        this.#openCritical(streamId, type, QpackPeerStream.encoder());
        return undefined;
      case StreamType.qpackDecoder:
        this.#openCritical(streamId, type, QpackPeerStream.decoder());
        return undefined;
      case StreamType.push:
        // RFC 9114 §6.2.2: clients never push; a server only with leave, which is never given (§4.6).
        if (this.#role === "server") throw connectionError("H3_STREAM_CREATION_ERROR", "a push stream of a client");
        throw connectionError("H3_ID_ERROR", "a push stream without MAX_PUSH_ID");
      default:
        // RFC 9114 §6.2.3: discarded, never an error.
        if (this.#unknown.size >= this.#limits.maxUnknownStreams) return WireCodes.H3_STREAM_CREATION_ERROR;
        this.#unknown.add(streamId);
        return undefined;
    }
  }

  push(streamId: number, chunk: Uint8Array, fin: boolean, now: number): void {
    this.#critical.get(streamId)?.push(chunk, now);
    if (fin) this.closed(streamId);
  }

  /** FIN or reset. Throws WireError for a stream that must stay open. */
  closed(streamId: number): void {
    this.#unknown.delete(streamId);
    // RFC 9114 §6.2.1, RFC 9204 §4.2.
    if (this.#critical.has(streamId))
      throw connectionError("H3_CLOSED_CRITICAL_STREAM", "a critical stream was closed");
  }

  #openCritical(streamId: number, type: number, stream: { push(chunk: Uint8Array, now: number): void }): void {
    if (this.#byType.has(type)) throw connectionError("H3_STREAM_CREATION_ERROR", `a second stream of type ${type}`);
    this.#byType.set(type, streamId);
    this.#critical.set(streamId, stream);
  }
}
