import { directionOf } from "../../base/stream-id.ts";
import { WireCodes } from "../../constants/wire-codes.ts";
import type { StreamDirection } from "../../engine/engine.ts";
import type { SessionError } from "../../errors/errors.ts";
import type { ProtocolOutput, StreamReset } from "../../protocol/output.ts";
import type { ConnectionContext } from "../connection/context.ts";
import { WebTransportStream } from "../streams/bidirectional-stream.ts";
import { WebTransportReceiveStream } from "../streams/receive-stream.ts";
import { endedByPeer } from "../streams/stream-errors.ts";
import { StreamRecord } from "../streams/stream-record.ts";
import type { StreamOwner } from "../streams/stream-record.ts";
import type { Holder } from "../streams/unread.ts";
import type { CreateStreamOptions } from "../types.ts";

import { IncomingStreams } from "./incoming-streams.ts";
import type { SessionAccounts } from "./session-accounts.ts";
import type { SessionFace } from "./session-face.ts";
import type { SessionFlow } from "./session-flow.ts";
import type { SessionLifecycle } from "./session-lifecycle.ts";

/** The session that the streams belong to. */
export interface StreamsSession {
  readonly sessionId: number;
  readonly context: ConnectionContext;
  readonly accounts: SessionAccounts;
  readonly lifecycle: SessionLifecycle;
  readonly flow: SessionFlow | undefined;
  readonly session: SessionFace;
  /** A stream has ended, or one that was finished is delivered. */
  streamsChanged(): void;
}

/** Milliseconds in which what the peer had sent before it closed the session still arrives. */
const lingerTime = 1000;

const none: ReadonlySet<StreamRecord> = new Set();

type StreamOutput = Extract<ProtocolOutput, { type: "stream" }>;

/** The streams of a session, from their beginning until they are over on the wire. */
export class SessionStreams implements StreamOwner {
  readonly context: ConnectionContext;
  readonly accounts: SessionAccounts;
  /** Those that the application has not taken yet. */
  readonly incoming = new IncomingStreams();
  readonly #owner: StreamsSession;
  #records: Set<StreamRecord> | undefined;

  constructor(owner: StreamsSession) {
    this.#owner = owner;
    this.context = owner.context;
    this.accounts = owner.accounts;
  }

  get session(): SessionFace {
    return this.#owner.session;
  }

  get records(): ReadonlySet<StreamRecord> {
    return this.#records ?? none;
  }

  /** The unread bytes of each stream: here and in the engine. */
  get holders(): readonly Holder[] {
    return [...this.records].map(({ streamId, receive }) => ({
      name: `stream ${streamId}`,
      bytes: receive === undefined ? 0 : receive.buffered + this.context.quic.unreadBytes(streamId),
    }));
  }

  /** A stream of this side that QUIC has opened. */
  open(streamId: number, direction: StreamDirection, options: CreateStreamOptions): StreamRecord {
    this.accounts.streamOpened(direction);
    const prefix = this.context.protocol.streamPrefix(this.#owner.sessionId, direction);
    const halves = direction === "bidirectional" ? "both" : "send";
    return this.#add(new StreamRecord(this, streamId, halves, prefix, options));
  }

  /** A stream that the peer has opened. */
  accept(output: StreamOutput): void {
    const { lifecycle } = this.#owner;
    if (lifecycle.hasEnded || this.#hasTooManyPending()) {
      this.#refuse(output);
      return;
    }
    const { streamId, prefixLength, chunks, fin, reset, stopped } = output;
    const direction = directionOf(streamId);
    const isBidirectional = direction === "bidirectional";
    this.accounts.streamAccepted(direction);
    const stream = this.#add(new StreamRecord(this, streamId, isBidirectional ? "both" : "receive", prefixLength));
    chunks.forEach((chunk, index) => stream.receive?.receive(chunk, fin && index === chunks.length - 1));
    if (fin && chunks.length === 0) stream.receive?.receive(new Uint8Array(0), true);
    // One of the chunks may have exceeded the session's limit.
    if (this.#owner.lifecycle.hasEnded) return;
    if (reset !== undefined) this.streamReset(stream, reset);
    if (stopped !== undefined) this.streamStopped(stream, stopped);
    this.incoming.push(isBidirectional ? new WebTransportStream(stream) : new WebTransportReceiveStream(stream));
  }

  /** The session has ended. `lingers`: what the peer had sent before may still arrive. */
  end(error: () => SessionError, lingers: boolean): void {
    for (const stream of [...this.records]) this.#endStream(stream, error(), lingers);
  }

  // What a stream tells, and the connection of it.

  streamChanged(stream: StreamRecord): void {
    if (stream.over && this.#records?.delete(stream) === true) {
      this.context.removeStream(stream);
      if (stream.incoming) this.#owner.flow?.streamEnded(directionOf(stream.streamId));
      const { error } = stream;
      if (error !== undefined) this.#tell("stream_error", stream, error);
      this.#tell("stream_closed", stream);
    }
    this.#owner.streamsChanged();
  }

  streamReset(stream: StreamRecord, reset: StreamReset): void {
    const { streamId, receive, receivePrefixLength } = stream;
    const { code: wireCode, finalSize } = reset;
    if (receive?.over === false) this.#skip(streamId, receivePrefixLength, receive.received, finalSize);
    const { lifecycle } = this.#owner;
    if (lifecycle.hasEnded) {
      receive?.fail(lifecycle.error);
      return;
    }
    const error = endedByPeer(streamId, wireCode, "reset");
    // Draft §4.6: the reset may overtake the session's own end, which says more.
    if (wireCode === WireCodes.WT_SESSION_GONE) {
      stream.awaitSessionEnd("receive", error, this.context.settings.closeTimeout);
    } else {
      receive?.receiveReset(error, reset.reliableSize - receivePrefixLength);
    }
  }

  streamStopped(stream: StreamRecord, wireCode: bigint): void {
    const error = endedByPeer(stream.streamId, wireCode, "stop");
    if (wireCode === WireCodes.WT_SESSION_GONE) {
      stream.awaitSessionEnd("send", error, this.context.settings.closeTimeout);
    } else {
      stream.send?.stopped(error);
    }
  }

  streamStoppedEarly(stream: StreamRecord, received: number): void {
    this.#skip(stream.streamId, stream.receivePrefixLength, received, undefined);
  }

  streamLost(stream: StreamRecord): void {
    const { error } = this.#owner.lifecycle;
    if (error !== undefined) this.#endStream(stream, error, false);
  }

  #add(stream: StreamRecord): StreamRecord {
    this.#records ??= new Set();
    this.#records.add(stream);
    this.context.addStream(stream);
    this.#tell("stream_opened", stream);
    return stream;
  }

  /** By what this session holds. The process's budget does not count here, because QUIC's window bounds the bytes of all. */
  #hasTooManyPending(): boolean {
    const { length } = this.incoming;
    return length >= this.context.settings.maxPendingStreams || (length > 0 && this.accounts.budget.isFull);
  }

  /** Draft §4.6: the stream will not be read; there is a code of its own for a session that has ended. */
  #refuse({ streamId, prefixLength, chunks, fin, reset }: StreamOutput): void {
    const { quic } = this.context;
    const direction = directionOf(streamId);
    const code = this.#owner.lifecycle.hasEnded ? WireCodes.WT_SESSION_GONE : WireCodes.WT_BUFFERED_STREAM_REJECTED;
    quic.stop(streamId, code);
    if (direction === "bidirectional") quic.reset(streamId, code);
    this.#owner.flow?.streamEnded(direction);
    // After FIN the engine tells nothing more.
    const delivered = chunks.reduce((size, chunk) => size + chunk.byteLength, prefixLength);
    this.#skip(streamId, prefixLength, 0, reset?.finalSize ?? (fin ? delivered : undefined));
  }

  /** Bytes after the first `received` of the body are not read, but they count for flow control, up to the final size. */
  #skip(streamId: number, prefixLength: number, received: number, finalSize: number | undefined): void {
    const { flow, lifecycle } = this.#owner;
    if (flow === undefined || lifecycle.hasEnded) return;
    const skip = (size: number): void => {
      flow.skipped(size - prefixLength - received);
    };
    if (finalSize === undefined) this.context.awaitFinalSize(streamId, skip);
    else skip(finalSize);
  }

  #endStream(stream: StreamRecord, error: SessionError, lingers: boolean): void {
    const { receive, send, streamId } = stream;
    send?.abandon(error, WireCodes.WT_SESSION_GONE);
    if (receive === undefined || receive.over) return;
    if (lingers && !stream.receiveOrphaned) {
      receive.linger(this.context.settings.maxStreamBufferSize);
      stream.unlessOver(lingerTime, () => {
        this.#endStream(stream, error, false);
      });
      return;
    }
    this.context.quic.stop(streamId, WireCodes.WT_SESSION_GONE);
    receive.fail(error);
  }

  #tell(type: "stream_opened" | "stream_closed" | "stream_error", stream: StreamRecord, error?: unknown): void {
    const { session } = this;
    if (!session.listens(type)) return;
    const direction =
      stream.receive === undefined ? "send_only" : stream.send === undefined ? "receive_only" : "bidirectional";
    const initiator = stream.incoming ? "peer" : "local";
    const event = { session, streamId: stream.streamId, direction, initiator, timestamp: Date.now() } as const;
    if (type === "stream_error") session.publish(type, { ...event, error });
    else session.publish(type, event);
  }
}
