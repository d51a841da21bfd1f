import type { Transport } from "./transport.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export interface IdleWatchHost {
  ping(): void;
  expired(): void;
}

/** A connection's idle time-out (RFC 9000 §10.1) and the PINGs against it. */
export class IdleWatch {
  readonly #clock: VirtualClock;
  readonly #host: IdleWatchHost;
  #timeout = Infinity;
  #interval = Infinity;
  #lastHeard = 0;
  #lastActive = 0;
  /** When the first packet since the last one from the peer was sent. */
  #firstSent: number | undefined;
  #cancel: (() => void) | undefined;

  constructor(clock: VirtualClock, host: IdleWatchHost) {
    this.#clock = clock;
    this.#host = host;
  }

  start(own: Transport, peer: Transport): void {
    const orNever = (milliseconds: number): number => (milliseconds === 0 ? Infinity : milliseconds);
    this.#timeout = Math.min(orNever(own.maxIdleTimeout), orNever(peer.maxIdleTimeout));
    this.#interval = orNever(own.keepAliveInterval);
    this.heard();
    this.#arm();
  }

  heard(): void {
    this.#lastHeard = this.#clock.now();
    this.#lastActive = this.#lastHeard;
    this.#firstSent = undefined;
  }

  sent(): void {
    this.#lastActive = this.#clock.now();
    this.#firstSent ??= this.#lastActive;
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#timeout = Infinity;
    this.#interval = Infinity;
  }

  get #deadline(): number {
    return Math.max(this.#lastHeard, this.#firstSent ?? 0) + this.#timeout;
  }

  get #pingDue(): number {
    return this.#lastActive + this.#interval;
  }

  #arm(): void {
    const next = Math.min(this.#deadline, this.#pingDue);
    this.#cancel = undefined;
    if (next === Infinity) return;
    this.#cancel = this.#clock.setTimer(next - this.#clock.now(), () => {
      this.#look();
    });
  }

  #look(): void {
    const now = this.#clock.now();
    if (this.#deadline <= now) {
      this.#host.expired();
      return;
    }
    if (this.#pingDue <= now) {
      this.#host.ping();
      this.sent();
    }
    this.#arm();
  }
}
