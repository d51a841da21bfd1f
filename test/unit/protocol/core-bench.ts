/** A protocol core whose peer is the test: steps go in, what the core did comes out as lines of text. */
import { FrameType } from "../../../src/constants/http3.ts";
import { WireCodes } from "../../../src/constants/wire-codes.ts";
import { decodeFieldSection } from "../../../src/protocol/qpack/field-section.ts";
import { defaultLimits } from "../../../src/protocol/limits.ts";
import type { ProtocolOutput } from "../../../src/protocol/output.ts";
import { ProtocolConnection } from "../../../src/protocol/connection.ts";
import type { ProtocolConnectionOptions } from "../../../src/protocol/options.ts";
import { fromWireCode } from "../../../src/protocol/webtransport/error-mapping.ts";

import { connectRequest, control, plainSettings, settings, wire } from "./wire.ts";

export type Step =
  | { readonly kind: "bytes"; readonly streamId: number; readonly bytes: Uint8Array; readonly fin: boolean }
  | { readonly kind: "call"; readonly call: (bench: CoreBench) => void }
  | { readonly kind: "turn"; readonly steps: readonly Step[] };

/** The peer sends bytes on a stream; its first ones open it. */
export function sends(streamId: number, bytes: Uint8Array, fin = false): Step {
  return { kind: "bytes", streamId, bytes, fin };
}
export function finishes(streamId: number): Step {
  return sends(streamId, new Uint8Array(0), true);
}
export function resets(streamId: number, code = 0n, finalSize = 0): Step {
  return calls((bench) => bench.resets(streamId, code, finalSize));
}
export function stops(streamId: number, code: bigint): Step {
  return calls(({ core, now }) => core.handleStreamStopped(streamId, code, now));
}
export function datagram(bytes: Uint8Array): Step {
  return calls(({ core, now }) => core.handleDatagram(bytes, now));
}
export function waits(milliseconds: number): Step {
  return calls((bench) => bench.wait(milliseconds));
}
/** What the engine tells in one turn; every other step is one of its own. */
export function together(...steps: readonly Step[]): Step {
  return { kind: "turn", steps };
}
export function calls(call: (bench: CoreBench) => void): Step {
  return { kind: "call", call };
}

/** How a step's bytes are cut. `bytes` are all of the steps' bytes before it, on every stream together. */
export type Cut = (chunk: Uint8Array, before: number) => readonly Uint8Array[];

export const whole: Cut = (chunk) => [chunk];
export const byteByByte: Cut = (chunk) => [...chunk].map((byte) => Uint8Array.of(byte));
export function splitAt(position: number): Cut {
  return (chunk, before) => {
    const at = position - before;
    return at <= 0 || at >= chunk.length ? [chunk] : [chunk.subarray(0, at), chunk.subarray(at)];
  };
}

export interface BenchOptions extends ProtocolConnectionOptions {
  /** Default "server". */
  readonly role?: "client" | "server";
  /** Server: session requests are accepted at once. Default true. */
  readonly accepts?: boolean;
}

/** Session requests are answered 200, others 404; the client's control stream is 2, the server's 3. */
export const serverReady: readonly Step[] = [sends(2, control())];
export const sessionOpen: readonly Step[] = [...serverReady, sends(0, connectRequest())];
export const clientReady: readonly Step[] = [sends(3, wire(0, settings(...plainSettings)))];

export class CoreBench {
  readonly core: ProtocolConnection;
  readonly role: "client" | "server";
  readonly sessions = new Set<number>();
  /** How often each session was told to have ended. */
  readonly ends = new Map<number, number>();
  /** Connection errors that the core has asked for. */
  failures = 0;
  now = 1000;
  readonly #accepts: boolean;
  readonly #opened = new Set<number>();
  readonly #streams = new Map<number, { sessionId: number; body: string; end: string }>();
  #lines: string[] = [];

  constructor(options: BenchOptions = {}) {
    const { accepts = true, role = "server", ...rest } = options;
    this.role = role;
    this.#accepts = accepts;
    this.core = new ProtocolConnection(role, rest);
    this.core.handleConnected(this.now, { datagrams: true });
    this.#drain();
  }

  /** Takes the steps; gives what the core did since the last call. */
  run(steps: readonly Step[], cut: Cut = whole): readonly string[] {
    let before = 0;
    for (const step of steps) {
      before += this.#take(step, cut, before);
      this.core.handleTurnEnded();
      this.#drain();
    }
    return this.take();
  }

  take(): readonly string[] {
    this.#drain();
    const streams = [...this.#streams].map(([streamId, { sessionId, body, end }]) => {
      return `stream ${streamId} of ${sessionId} "${body}"${end}`;
    });
    const lines = [...this.#lines, ...streams];
    this.#lines = [];
    return lines;
  }

  open(streamId: number): void {
    // Streams of our own that the peer answers are not opened by it.
    const isOurs = (streamId & 1) === (this.role === "server" ? 1 : 0);
    if (isOurs || this.#opened.has(streamId)) return;
    // RFC 9000 §2.1: a stream's use opens all of its type that come before it.
    for (let id = streamId & 3; id <= streamId; id += 4) {
      if (this.#opened.has(id)) continue;
      this.#opened.add(id);
      this.core.handleStreamOpened(id, this.now);
      this.#drain();
    }
  }

  resets(streamId: number, code: bigint, finalSize: number): void {
    this.open(streamId);
    const stream = this.#streams.get(streamId);
    if (stream === undefined) this.core.handleStreamReset(streamId, { code, finalSize, reliableSize: 0 }, this.now);
    else stream.end += ` reset ${nameOf(code)}`;
  }

  wait(milliseconds: number): void {
    const end = this.now + milliseconds;
    for (let next = this.core.nextTimeout(); next !== undefined && next <= end; next = this.core.nextTimeout()) {
      this.now = next;
      this.core.handleTimeout(next);
      this.#drain();
    }
    this.now = end;
  }

  /** Gives the number of the step's bytes. */
  #take(step: Step, cut: Cut, before: number): number {
    switch (step.kind) {
      case "call":
        step.call(this);
        this.#drain();
        return 0;
      case "turn":
        return step.steps.reduce((length, each) => length + this.#take(each, cut, before + length), 0);
      case "bytes": {
        this.open(step.streamId);
        const chunks = step.bytes.length === 0 ? [step.bytes] : cut(step.bytes, before);
        chunks.forEach((chunk, index) => {
          this.#data(step.streamId, Uint8Array.from(chunk), step.fin && index === chunks.length - 1);
        });
        return step.bytes.length;
      }
    }
  }

  #data(streamId: number, chunk: Uint8Array<ArrayBuffer>, fin: boolean): void {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) this.core.handleStreamData(streamId, chunk, fin, this.now);
    else {
      stream.body += text(chunk);
      if (fin) stream.end += " fin";
    }
    this.#drain();
  }

  #drain(): void {
    for (let output = this.core.pollOutput(); output !== undefined; output = this.core.pollOutput()) {
      const line = this.#describe(output);
      if (line !== undefined) this.#lines.push(line);
      if (output.type === "sessionRequest" && this.#accepts) this.core.acceptSession(output.sessionId, { headers: [] });
      if (output.type === "request") this.core.respond(output.streamId, { status: 404, headers: [] });
    }
  }

  #describe(output: ProtocolOutput): string | undefined {
    switch (output.type) {
      case "grant":
      case "request":
        return undefined;
      case "write":
        return `write ${output.streamId} ${describeWrite(output.data)}${output.fin ? " fin" : ""}`.replace("  ", " ");
      case "reset":
      case "stop":
        return `${output.type} ${output.streamId} ${nameOf(output.code)}`;
      case "closeConnection":
        this.failures += 1;
        return `close ${nameOf(output.code)}`;
      case "ready":
        return `ready ${output.draft}`;
      case "unsupported":
        return `unsupported: ${output.reason}`;
      case "sessionRequest":
        return `request ${output.sessionId}${output.protocols.length > 0 ? ` [${output.protocols.join("|")}]` : ""}`;
      case "requestRefused":
        return `refused ${output.status}`;
      case "requestCancelled":
        return `cancelled ${output.sessionId}`;
      case "sessionAccepted":
        this.sessions.add(output.sessionId);
        return `accepted ${output.sessionId}${output.protocol === "" ? "" : ` "${output.protocol}"`}`;
      case "sessionRejected":
        return `rejected ${output.sessionId} ${output.status ?? nameOf(output.code ?? 0n)}`;
      case "stream": {
        const body = output.chunks.map(text).join("");
        const reset = output.reset === undefined ? "" : ` reset ${nameOf(output.reset.code)}`;
        const stopped = output.stopped === undefined ? "" : ` stopped ${nameOf(output.stopped)}`;
        this.#streams.set(output.streamId, {
          sessionId: output.sessionId,
          body,
          end: stopped + (reset || (output.fin ? " fin" : "")),
        });
        return undefined;
      }
      case "datagram":
        return `datagram ${output.sessionId} "${text(output.payload)}"`;
      case "sessionDraining":
        return `draining ${output.sessionId}`;
      case "sessionClosed": {
        const { info } = output;
        this.ends.set(output.sessionId, (this.ends.get(output.sessionId) ?? 0) + 1);
        return info.clean
          ? `closed ${output.sessionId} ${info.code} "${info.reason}" by ${info.by}`
          : `closed ${output.sessionId} ${nameOf(info.wireCode)} by ${info.by}`;
      }
      case "goaway":
        return "goaway";
      default:
        return JSON.stringify(output);
    }
  }
}

/** Every way of cutting that a row is tried with: whole, byte by byte, and in two at every place. */
export function cutsFor(steps: readonly Step[]): readonly (readonly [name: string, cut: Cut])[] {
  const total = steps.reduce((length, step) => length + bytesOf(step), 0);
  const cuts: (readonly [string, Cut])[] = [["whole", whole]];
  if (total <= 20_000) cuts.push(["byte by byte", byteByByte]);
  for (let position = 1; position < total; position += 1) {
    // What is long is long because of its payload: its header and its end are what can go wrong.
    if (position > (total > 20_000 ? 30 : 150) && position < total - 10) continue;
    cuts.push([`split at ${position}`, splitAt(position)]);
  }
  return cuts;
}

function bytesOf(step: Step): number {
  if (step.kind === "turn") return step.steps.reduce((length, each) => length + bytesOf(each), 0);
  return step.kind === "bytes" ? step.bytes.length : 0;
}

function nameOf(code: bigint): string {
  const name = Object.entries(WireCodes).find(([, value]) => value === code)?.[0];
  if (name !== undefined) return name;
  const application = fromWireCode(code);
  return application === undefined ? `0x${code.toString(16)}` : `code ${application}`;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

/** A response's status where the bytes are a HEADERS frame, else their hexadecimal. */
function describeWrite(bytes: Uint8Array): string {
  if (bytes[0] === FrameType.headers) {
    const start = 1 + (((bytes[1] ?? 0) & 0xc0) === 0x40 ? 2 : 1);
    const fields = decodeFieldSection(bytes.subarray(start), defaultLimits);
    const [name, value] = fields[0] ?? ["", ""];
    return name === ":status" ? value : fields.map((field) => field.join("=")).join(" ");
  }
  return Buffer.from(bytes).toString("hex");
}
