export interface SignalActions {
  /** `isForced`: it is the second signal. */
  stop(isForced: boolean): void;
  restart(): void;
}

/** What a process that runs a cluster does on SIGINT, SIGTERM and SIGHUP. */
export class ClusterSignals {
  readonly #actions: SignalActions;
  #listeners = 0;
  #stops = 0;

  constructor(actions: SignalActions) {
    this.#actions = actions;
  }

  /** Each call needs its own {@link ClusterSignals.ignore}. */
  listen(): void {
    this.#listeners += 1;
    if (this.#listeners > 1) return;
    this.#stops = 0;
    process.on("SIGINT", this.#onStop).on("SIGTERM", this.#onStop).on("SIGHUP", this.#onRestart);
  }

  ignore(): void {
    this.#listeners -= 1;
    if (this.#listeners > 0) return;
    process.off("SIGINT", this.#onStop).off("SIGTERM", this.#onStop).off("SIGHUP", this.#onRestart);
  }

  readonly #onStop = (): void => {
    this.#stops += 1;
    this.#actions.stop(this.#stops > 1);
  };

  readonly #onRestart = (): void => {
    this.#actions.restart();
  };
}
