import { StreamType } from "../../constants/http3.ts";
import { WireCodes } from "../../constants/wire-codes.ts";
import type { ProtocolLimits } from "../limits.ts";
import { QpackPeerStream } from "../qpack/peer-streams.ts";
import { connectionError } from "../wire-errors.ts";

import { ControlStream } from "./control-stream.ts";
import type { ControlEvent } from "./control-stream.ts";

type CriticalType = typeof StreamType.control | typeof StreamType.qpackEncoder | typeof StreamType.qpackDecoder;

/** One of the streams that must stay open as long as the connection does. */
interface CriticalStream {
  readonly id: number;
  readonly type: CriticalType;
  readonly reader: ControlStream | QpackPeerStream;
}

/** The peer's unidirectional streams besides WebTransport's: control, QPACK, and those that nobody knows (RFC 9114 §6.2). */
export class PeerControlStreams {
  readonly #role: "client" | "server";
  readonly #limits: ProtocolLimits;
  /** Three at most. */
  readonly #critical: CriticalStream[] = [];
  #control: ControlStream | undefined;
  #unknown: Set<number> | undefined;

  constructor(role: "client" | "server", limits: ProtocolLimits) {
    this.#role = role;
    this.#limits = limits;
  }

  has(streamId: number): boolean {
    return this.#unknown?.has(streamId) === true || this.#criticalOf(streamId) !== undefined;
  }

  /** Takes a stream in. Gives a code when the peer is to be asked to stop sending. Throws WireError. */
  open(streamId: number, type: number): bigint | undefined {
    switch (type) {
      case StreamType.control:
        this.#control ??= new ControlStream(this.#role, this.#limits);
        this.#openCritical({ id: streamId, type: StreamType.control, reader: this.#control });
        return undefined;
      case StreamType.qpackEncoder:
        this.#openCritical({ id: streamId, type: StreamType.qpackEncoder, reader: QpackPeerStream.encoder() });
        return undefined;
      case StreamType.qpackDecoder:
        this.#openCritical({ id: streamId, type: StreamType.qpackDecoder, reader: QpackPeerStream.decoder() });
        return undefined;
      case StreamType.push:
        // RFC 9114 §6.2.2: clients never push; a server only with leave, which is never given (§4.6).
        if (this.#role === "server") throw connectionError("H3_STREAM_CREATION_ERROR", "a push stream of a client");
        throw connectionError("H3_ID_ERROR", "a push stream without MAX_PUSH_ID");
      default:
        this.#unknown ??= new Set();
        // RFC 9114 §6.2.3: discarded, never an error.
        if (this.#unknown.size >= this.#limits.maxUnknownStreams) return WireCodes.H3_STREAM_CREATION_ERROR;
        this.#unknown.add(streamId);
        return undefined;
    }
  }

  /** Bytes of one of them. {@link next} gives what the control stream says. Throws WireError. */
  push(streamId: number, chunk: Uint8Array, now: number): void {
    this.#criticalOf(streamId)?.reader.push(chunk, now);
  }

  /** To be called after {@link push} until it gives undefined. Throws WireError. */
  next(): ControlEvent | undefined {
    return this.#control?.next();
  }

  /** FIN or reset. Throws WireError for a stream that must stay open. */
  closed(streamId: number): void {
    this.#unknown?.delete(streamId);
    // RFC 9114 §6.2.1, RFC 9204 §4.2.
    if (this.#criticalOf(streamId) !== undefined)
      throw connectionError("H3_CLOSED_CRITICAL_STREAM", "a critical stream was closed");
  }

  #criticalOf(streamId: number): CriticalStream | undefined {
    for (const stream of this.#critical) if (stream.id === streamId) return stream;
    return undefined;
  }

  #openCritical(stream: CriticalStream): void {
    if (this.#critical.some(({ type }) => type === stream.type)) {
      throw connectionError("H3_STREAM_CREATION_ERROR", `a second stream of type ${stream.type}`);
    }
    this.#critical.push(stream);
  }
}
