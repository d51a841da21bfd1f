import { Deadlines } from "../../async/deadlines.ts";
import type { ProtocolOutput } from "../../protocol/output.ts";
import { ProtocolConnection } from "../../protocol/connection.ts";

import type { ConnectionSettings } from "./settings.ts";

/** A call of the core. */
export type CoreCall = (core: ProtocolConnection) => void;

/** A call that waits until the core's outputs are drained. */
interface Input {
  readonly call: CoreCall;
  readonly failed: (error: unknown) => void;
}

/** Carries out what the core asks for. */
export interface OutputHandler {
  carryOut(output: ProtocolOutput): void;
}

/**
 * Keeps the protocol core's contract: it is called, all its outputs are carried out, and only then is it called again,
 * at the latest when its next time-out is due. Its timer is the one that everything on the connection shares.
 */
export class CoreDriver {
  readonly protocol: ProtocolConnection;
  readonly #settings: ConnectionSettings;
  readonly #handler: OutputHandler;
  #isDraining = false;
  // Created lazily: an idle connection needs neither.
  #inputs: Input[] | undefined;
  #deadlines: Deadlines | undefined;

  constructor(role: "client" | "server", settings: ConnectionSettings, handler: OutputHandler) {
    this.protocol = new ProtocolConnection(role, settings.core);
    this.#settings = settings;
    this.#handler = handler;
  }

  /** Callbacks that wait for their time. */
  get deadlines(): number {
    return this.#deadlines?.size ?? 0;
  }

  /** Calls the core, now or when its outputs are drained. `failed` gets what the call throws. */
  input(call: CoreCall, failed: (error: unknown) => void = rethrow): void {
    if (this.#isDraining) {
      this.#inputs ??= [];
      this.#inputs.push({ call, failed });
      return;
    }
    this.#attempt(call, failed);
    this.drain();
    this.setTimeout();
  }

  /** Carries out all outputs of the core, and the calls that come in between. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    try {
      for (;;) {
        for (let output = this.protocol.pollOutput(); output !== undefined; output = this.protocol.pollOutput()) {
          this.#handler.carryOut(output);
        }
        const next = this.#inputs?.shift();
        if (next === undefined) return;
        if (this.#inputs?.length === 0) this.#inputs = undefined;
        this.#attempt(next.call, next.failed);
      }
    } finally {
      this.#isDraining = false;
    }
  }

  after(milliseconds: number, callback: () => void): () => void {
    return this.#timer().after(milliseconds, callback);
  }

  /** Wakes the core when its next time-out is due. */
  setTimeout(): void {
    const at = this.protocol.nextTimeout();
    if (at !== undefined) this.#timer().setExternal(at);
    else this.#deadlines?.setExternal(undefined);
  }

  /** All that has come together has been told. */
  turnEnded(): void {
    this.protocol.handleTurnEnded();
    this.drain();
    this.setTimeout();
    // An idle connection waits for nothing.
    if (this.#deadlines?.isIdle === true) this.#deadlines = undefined;
  }

  /** Takes back every callback that waits for its time. */
  clearDeadlines(): void {
    this.#deadlines?.clear();
  }

  #attempt(call: CoreCall, failed: (error: unknown) => void): void {
    try {
      call(this.protocol);
    } catch (error) {
      failed(error);
    }
  }

  #timer(): Deadlines {
    const { now, setTimer } = this.#settings;
    this.#deadlines ??= new Deadlines(now, setTimer, () => {
      this.input((core) => {
        core.handleTimeout(now());
      });
    });
    return this.#deadlines;
  }
}

function rethrow(error: unknown): never {
  throw error;
}
