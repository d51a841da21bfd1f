import { streamIdOf } from "../../base/stream-id.ts";
import { encodeVarint } from "../../base/varint.ts";
import { FrameType } from "../../constants/http3.ts";
import type { Outputs } from "../outputs.ts";

import { encodeFrame } from "./frames.ts";

/** RFC 9114 §5.2: the first GOAWAY of a graceful end refuses nothing yet. */
const greatestRequestId = 2n ** 62n - 4n;

/** This side's GOAWAY (RFC 9114 §5.2): announced first, and final when what was on its way has arrived. */
export class Goaway {
  /** The control stream of this side. */
  readonly controlStreamId: number;
  readonly #role: "client" | "server";
  readonly #outputs: Outputs;
  #stage: "none" | "announced" | "final" = "none";
  #deadline = Infinity;
  #refusedFrom = Infinity;

  constructor(role: "client" | "server", outputs: Outputs) {
    this.#role = role;
    this.#outputs = outputs;
    this.controlStreamId = streamIdOf(0, role === "server", "unidirectional");
  }

  /** When the announced one becomes final; Infinity when it does not. */
  get deadline(): number {
    return this.#deadline;
  }

  /** Whether a request comes behind the final one. */
  refuses(streamId: number): boolean {
    return streamId >= this.#refusedFrom;
  }

  /** Server: `until` is when it becomes final. A client's names a push, of which there are none, and is final at once. */
  announce(until: number): void {
    if (this.#stage !== "none" || this.#role === "client") return;
    this.#stage = "announced";
    this.#deadline = until;
    this.#write(greatestRequestId);
  }

  /** Server: requests from `nextRequest` on are refused. */
  finalize(nextRequest: number): void {
    if (this.#stage === "final") return;
    this.#stage = "final";
    this.#deadline = Infinity;
    if (this.#role === "server") this.#refusedFrom = nextRequest;
    this.#write(this.#role === "server" ? nextRequest : 0);
  }

  #write(id: number | bigint): void {
    this.#outputs.write(this.controlStreamId, encodeFrame(FrameType.goaway, encodeVarint(id)));
  }
}
