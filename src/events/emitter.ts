import { channel } from "node:diagnostics_channel";
import type { Channel } from "node:diagnostics_channel";
import { EventEmitter } from "node:events";

import { onAbort } from "../async/abort.ts";
import { rejected } from "../async/promises.ts";
import { errorText } from "../base/error-text.ts";
import { TimeoutError } from "../errors/errors.ts";

import { checkListener, checkWait, meets } from "./checks.ts";
import { EventType } from "./event-types.ts";

/** Told of a listener that threw (or whose promise rejected): nothing of it reaches the transport. */
export type ReportListenerError = (error: unknown, type: string) => void;

/** Gets the type and the payload of every event. */
export type AnyListener<Events> = <Type extends keyof Events & string>(type: Type, payload: Events[Type]) => void;

/** Options for waiting for an event. */
export interface WaitForOptions<Payload> {
  /** Milliseconds, 0 to 2^31 - 1; without it there is no limit. */
  readonly timeout?: number;
  /** Only an event that it is true for counts. Default: every one. */
  readonly condition?: (payload: Payload) => boolean;
  readonly signal?: AbortSignal;
}

/** What an emitter hands its events on to: another emitter, whatever its event map. */
export interface EventSink {
  listens(type: string): boolean;
  forward(type: string, payload: unknown): boolean;
  reportListenerError(error: unknown, type: string): void;
}

type EventTuples<Events> = { [Type in keyof Events]: [payload: Events[Type]] };

export interface EmitterOptions {
  /** Gets every event after this emitter's own listeners have. */
  readonly parent?: EventSink | undefined;
  /** Default: the parent's, else `process.emitWarning`. */
  readonly report?: ReportListenerError | undefined;
}

const channels = new Map<string, Channel>(
  Object.values(EventType).map((type) => [type, channel(`tswebtransport:${type}`)]),
);

/**
 * An `EventEmitter` of `node:events` with a typed event map, `onAny` and `waitFor`. Every event also goes to the parent and to
 * the diagnostics channel `tswebtransport:<type>`. What is costly to tell is asked for with {@link listens} first.
 */
export class TypedEmitter<Events extends object> extends EventEmitter<EventTuples<Events>> implements EventSink {
  readonly #parent: EventSink | undefined;
  readonly #report: ReportListenerError | undefined;
  #any: Set<AnyListener<Events>> | undefined;

  constructor(options: EmitterOptions = {}) {
    super();
    // node:events makes an emitter's table of listeners at once, and again where a listener finds none: most connections
    // and sessions have none, and their table would be larger than what they are themselves.
    const table: { _events?: unknown } = this.#untyped as object;
    if (Object.hasOwn(table, "_events")) table._events = undefined;
    this.#parent = options.parent;
    this.#report = options.report;
  }

  /** Whether an event of this type would reach anybody. */
  listens(type: string): boolean {
    if ((this.#any?.size ?? 0) > 0 || this.#untyped.listenerCount(type) > 0) return true;
    return channels.get(type)?.hasSubscribers === true || (this.#parent?.listens(type) ?? false);
  }

  /** Calls `listener` with every event's type and payload. Throws ConfigurationError for what is no function. */
  onAny(listener: AnyListener<Events>): this {
    checkListener(listener);
    this.#any ??= new Set();
    this.#any.add(listener);
    return this;
  }

  /** Takes a listener of {@link onAny} away. */
  offAny(listener: AnyListener<Events>): this {
    this.#any?.delete(listener);
    return this;
  }

  /**
   * The next event of `type` that meets `condition`. Rejects with TimeoutError, the signal's reason, or what `condition`
   * throws, and with ConfigurationError for a wrong argument, such as a condition that answers with a promise.
   */
  waitFor<Type extends keyof Events & string>(
    type: Type,
    options: WaitForOptions<Events[Type]> = {},
  ): Promise<Events[Type]> {
    const waiting = new Promise<Events[Type]>((resolve, reject) => {
      checkWait(type, options);
      const { timeout, condition, signal } = options;
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      const end = (): void => {
        clearTimeout(timer);
        this.#untyped.off(type, onEvent);
        this.#allowListeners(-1);
        endAbort();
      };
      const onEvent = (payload: Events[Type]): void => {
        try {
          if (!meets(condition, payload)) return;
        } catch (error) {
          end();
          resolve(rejected(error));
          return;
        }
        end();
        resolve(payload);
      };
      const onTimeout = (): void => {
        end();
        const text = `No event "${type}" within ${String(timeout)} ms`;
        reject(
          new TimeoutError(text, {
            operation: `waitFor ${type}`,
            ...(timeout !== undefined && { timeoutDuration: timeout }),
          }),
        );
      };
      const timer = timeout === undefined ? undefined : setTimeout(onTimeout, timeout);
      // They go by themselves: any number of them is no leak.
      this.#allowListeners(1);
      this.#untyped.on(type, onEvent);
      const endAbort = onAbort(signal, () => {
        end();
        reject(signal?.reason as Error);
      });
    });
    // A caller that awaits it later gets the rejection; until then it must not count as unhandled.
    waiting.catch(() => {});
    return waiting;
  }

  #allowListeners(more: number): void {
    const limit = this.getMaxListeners();
    if (limit > 0) this.setMaxListeners(limit + more);
  }

  /** Emits a typed event: see {@link emit}. */
  publish<Type extends keyof Events & string>(type: Type, payload: Events[Type]): boolean {
    return this.emit(type, payload);
  }

  /** Calls the listeners in order; what they throw is reported, never rethrown. Publishes on the diagnostics channel. */
  override emit(type: unknown, ...args: unknown[]): boolean {
    const heard = this.#deliver(type as string | symbol, args);
    const diagnostics = channels.get(type as string);
    if (diagnostics?.hasSubscribers === true) diagnostics.publish(args[0]);
    return heard;
  }

  /** Delivers an event of an emitter that has this one as its parent. */
  forward(type: string, payload: unknown): boolean {
    return this.#deliver(type, [payload]);
  }

  /** Tells of a fault in a listener in the way this emitter was given. */
  reportListenerError(error: unknown, type: string): void {
    if (this.#report !== undefined) this.#report(error, type);
    else if (this.#parent !== undefined) this.#parent.reportListenerError(error, type);
    else warn(error, type);
  }

  get #untyped(): EventEmitter {
    return this as unknown as EventEmitter;
  }

  #deliver(type: string | symbol, args: readonly unknown[]): boolean {
    let heard = false;
    for (const listener of this.#untyped.rawListeners(type)) {
      heard = true;
      this.#call(listener, args, type);
    }
    // `newListener` and `removeListener` are node:events' own and no facts of this library.
    if (typeof type !== "string" || type === "newListener" || type === "removeListener") return heard;
    for (const listener of [...(this.#any ?? [])]) {
      heard = true;
      this.#call(listener, [type, ...args], type);
    }
    return (this.#parent?.forward(type, args[0]) ?? false) || heard;
  }

  #call(listener: unknown, args: readonly unknown[], type: string | symbol): void {
    try {
      const result: unknown = Reflect.apply(listener as (...args: unknown[]) => unknown, this, args);
      if (result instanceof Promise) {
        result.catch((error: unknown) => {
          this.reportListenerError(error, String(type));
        });
      }
    } catch (error) {
      this.reportListenerError(error, String(type));
    }
  }
}

function warn(error: unknown, type: string): void {
  process.emitWarning(`A listener of "${type}" threw: ${errorText(error)}`, { code: "WT_LISTENER" });
}
