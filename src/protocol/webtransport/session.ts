import { gather } from "../../base/gather.ts";
import { noBytes } from "../../base/bytes.ts";
import { CapsuleReader } from "../capsule/capsule-reader.ts";
import type { CapsuleEvents } from "../capsule/capsule-reader.ts";
import type { RequestStream } from "../http3/request-stream.ts";
import { RateLimit } from "../limits.ts";
import type { ProtocolLimits } from "../limits.ts";
import type { HeaderList, SessionEnd } from "../output.ts";
import type { Outputs } from "../outputs.ts";
import { connectionError, streamError } from "../wire-errors.ts";

import type { SessionFlowControl } from "./flow-control.ts";
import { SessionLifecycle } from "./session-state.ts";

/** One session: its CONNECT stream, whose body is capsules, and what it tells. */
export class Session extends SessionLifecycle implements CapsuleEvents {
  readonly stream: RequestStream;
  /** Where the session's streams and bytes are counted; undefined when they are not. */
  flow: SessionFlowControl | undefined;
  /** Server: the request while it waits for the peer's SETTINGS. */
  heldRequest: { readonly fields: HeaderList; readonly token: string } | undefined;
  /** Server: the answer must name draft-02. */
  wantsDraft02 = false;
  /** Client: the subprotocols that it offers. */
  offeredProtocols: readonly string[] | undefined;
  readonly #limits: ProtocolLimits;
  readonly #outputs: Outputs;
  #capsules: CapsuleReader | undefined;
  #capsuleRate: RateLimit | undefined;
  /** Pieces of the body that have come before the answer. */
  #early: Uint8Array[] | undefined;
  #earlyLength = 0;
  #goodbye: SessionEnd | undefined;
  #ignoresBody = false;
  #now = 0;

  constructor(stream: RequestStream, state: "asked" | "held", limits: ProtocolLimits, outputs: Outputs) {
    super(state);
    this.stream = stream;
    this.#limits = limits;
    this.#outputs = outputs;
  }

  get id(): number {
    return this.stream.id;
  }

  /** A piece of the body. Throws WireError. */
  takeBody(piece: Uint8Array, now: number): void {
    switch (this.standing) {
      case "requested":
        this.#keep(piece);
        break;
      case "open":
      case "gone":
        this.#readCapsules(piece, now);
        break;
      case "never":
        break;
    }
  }

  /** FIN of the peer. Throws WireError. */
  takeEnd(): void {
    // While the answer is awaited it changes nothing: `accept` looks for it.
    if (this.standing === "requested" || this.standing === "never" || this.#ignoresBody) return;
    if (this.#capsules?.isAtBoundary === false) {
      throw streamError("H3_MESSAGE_ERROR", "the stream ends inside a capsule");
    }
    // draft-ietf-webtrans-http3 §6: FIN alone means code 0 and no reason.
    this.end({ clean: true, code: 0, reason: "", by: "peer", withoutCapsule: true });
  }

  /** The session is open: what has come early is read now. Throws WireError. */
  takeEarly(now: number): void {
    const early = this.#early ?? [];
    const length = this.#earlyLength;
    this.dropEarly();
    for (const piece of early) this.#readCapsules(piece, now);
    this.#outputs.consumed(this.id, length);
    if (this.stream.receiveEnded) this.takeEnd();
  }

  dropEarly(): void {
    this.#early = undefined;
    this.#earlyLength = 0;
  }

  /** What the peer still sends is no concern of the session's any more. */
  ignoreBody(): void {
    this.#ignoresBody = true;
  }

  /** This side says goodbye with `capsule`; the end follows when the peer has, too. */
  close(capsule: Uint8Array, goodbye: SessionEnd): void {
    if (!this.move("close")) return;
    this.#goodbye = goodbye;
    this.finish(capsule);
  }

  /** The session has ended. The first goodbye counts: when this side has said it, whatever the peer says is not news. */
  end(end: SessionEnd): void {
    if (!this.move("end")) return;
    const told = this.#goodbye ?? end;
    this.#outputs.push({ type: "sessionClosed", sessionId: this.id, info: told });
    if (told.clean) this.finish();
  }

  /** Ends this side's half, unless the peer wants no more of it. */
  finish(last: Uint8Array = noBytes): void {
    if (!this.stream.sendEnded) this.#outputs.write(this.id, last, true);
    this.stream.sendEnded = true;
  }

  // CapsuleEvents.

  closeSession(code: number, reason: string): void {
    this.end({ clean: true, code, reason, by: "peer" });
  }

  drainSession(): void {
    if (this.state === "open") this.#outputs.push({ type: "sessionDraining", sessionId: this.id });
  }

  datagram(payload: Uint8Array): void {
    if (this.state !== "open") return;
    this.#outputs.push({ type: "datagram", sessionId: this.id, payload: Uint8Array.from(payload) });
  }

  get isFlowControlled(): boolean {
    return this.flow !== undefined;
  }

  flowControl(type: number, value: bigint): void {
    if (this.state !== "open") return;
    const resource = this.flow?.takeCapsule(type, value);
    if (resource !== undefined) this.#outputs.push({ type: "creditRaised", sessionId: this.id, resource });
  }

  count(): void {
    this.#capsuleRate ??= new RateLimit(this.#limits.maxCapsules, 1000);
    if (!this.#capsuleRate.count(this.#now)) throw connectionError("H3_EXCESSIVE_LOAD", "too many capsules");
  }

  #keep(piece: Uint8Array): void {
    this.#earlyLength += piece.length;
    if (this.#earlyLength > this.#limits.maxEarlyBody) {
      throw streamError("H3_EXCESSIVE_LOAD", "too much of a body before the answer");
    }
    if (piece.length > 0) gather((this.#early ??= []), piece);
    // The peer is stopped by flow control.
    this.stream.keep(piece.length);
  }

  /** Behind the goodbye, too: there must be nothing. */
  #readCapsules(piece: Uint8Array, now: number): void {
    if (this.#ignoresBody) return;
    this.#now = now;
    this.#capsules ??= new CapsuleReader(this);
    this.#capsules.push(piece);
  }
}
