import { clusterDefaults } from "../defaults.ts";

/** Milliseconds after which a worker that answers every heartbeat would have been heard, even a busy one. */
const longestAnswer = 1.5 * clusterDefaults.heartbeatInterval;

export interface HeartbeatListener {
  ping(): void;
  /** `silence`: milliseconds since the worker was heard last. */
  hung(silence: number): void;
  recovered(): void;
}

/** Asks a worker for a sign of life at intervals, and tells when none comes. */
export class Heartbeat {
  readonly #hangTimeout: number;
  readonly #interval: number;
  readonly #listener: HeartbeatListener;
  #timer: NodeJS.Timeout | undefined;
  /** As of this process's clock, when the worker was heard last, or might have been heard if this process had not been late. */
  #heardAt = 0;
  #lastTick = 0;
  #isHung = false;
  #isSilent = false;

  /** `hangTimeout`: milliseconds; 0: the worker is never hung. */
  constructor(hangTimeout: number, listener: HeartbeatListener) {
    this.#hangTimeout = hangTimeout;
    this.#interval =
      hangTimeout === 0
        ? clusterDefaults.heartbeatInterval
        : Math.max(10, Math.min(clusterDefaults.heartbeatInterval, hangTimeout / 4));
    this.#listener = listener;
  }

  get isHung(): boolean {
    return this.#isHung;
  }

  /** It has left a heartbeat without an answer. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  start(): void {
    this.#heardAt = performance.now();
    this.#lastTick = this.#heardAt;
    this.#listener.ping();
    this.#timer = setInterval(() => {
      this.#tick();
    }, this.#interval);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Any message is a sign of life. */
  heard(): void {
    this.#heardAt = performance.now();
    this.#isSilent = false;
    if (!this.#isHung) return;
    this.#isHung = false;
    this.#listener.recovered();
  }

  #tick(): void {
    const now = performance.now();
    // While this process was busy itself it could not hear: that time is not the worker's silence.
    const late = now - this.#lastTick - this.#interval;
    if (late > 0) this.#heardAt = Math.min(now, this.#heardAt + late);
    this.#lastTick = now;
    const silence = now - this.#heardAt;
    this.#isSilent = silence > longestAnswer;
    if (this.#hangTimeout > 0 && silence > this.#hangTimeout && !this.#isHung) {
      this.#isHung = true;
      this.#listener.hung(silence);
    }
    // A hung worker's channel holds enough questions.
    if (!this.#isHung) this.#listener.ping();
  }
}
