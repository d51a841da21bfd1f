import { Deferred, ignore, quiet } from "../async/promises.ts";
import { ServerError } from "../errors/errors.ts";
import type { ServerCloseOptions } from "../server/server.ts";

export interface LifeActions {
  start(): Promise<void>;
  /** May be called again at any time. */
  stop(options: ServerCloseOptions): Promise<void>;
  /** Resolves when no other operation is under way. Those that wait for their turn fail during a stop. */
  idle(): Promise<void>;
  /** A start begins. */
  began(): void;
  /** What began has failed, or was stopped. */
  ended(): void;
}

/** A cluster from one start to the stop after it. */
export interface ClusterRun {
  readonly started: Promise<void>;
  /** It has failed to start, or was stopped. */
  readonly ended: Promise<void>;
  /** It was told to stop before it had started. */
  readonly isCancelled: boolean;
}

/** The order of a cluster's starts and stops: whatever is called while another call is under way, the last call decides. */
export class ClusterLife {
  readonly #actions: LifeActions;
  /** Starts, or runs; undefined as soon as it is told to stop. */
  #run: Run | undefined;
  #stopping: Promise<void> | undefined;
  #isRunning = false;

  constructor(actions: LifeActions) {
    this.#actions = actions;
  }

  /** Started and not stopped. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  get isStopping(): boolean {
    return this.#stopping !== undefined;
  }

  /** Of a run that has not started yet. */
  get starting(): Promise<void> | undefined {
    return this.#run?.isStarted === false ? this.#run.started : undefined;
  }

  /** The present run, or a new one: after a stop that is under way has ended. */
  start(): ClusterRun {
    this.#run ??= new Run((run) => this.#begin(run, this.#stopping));
    return this.#run;
  }

  /** Ends the present run. Another call with `timeout: 0` shortens the end. Never rejects. */
  stop(options: ServerCloseOptions): Promise<void> {
    const run = this.#run;
    this.#run = undefined;
    if (run?.isStarted === false) run.cancel();
    if (this.#stopping !== undefined) {
      if (options.timeout === 0) void this.#actions.stop(options);
      return this.#stopping;
    }
    if (run === undefined) return Promise.resolve();
    this.#stopping = this.#end(run, options);
    return this.#stopping;
  }

  async #begin(run: Run, stopping: Promise<void> | undefined): Promise<void> {
    try {
      await stopping;
      run.assertNotCancelled();
      this.#actions.began();
      run.hasBegun = true;
      await this.#actions.start();
      run.assertNotCancelled();
      run.isStarted = true;
      this.#isRunning = true;
    } catch (error) {
      if (this.#run === run) this.#run = undefined;
      // The stop that has interrupted it ends it, unless that stop was for the run before.
      if (!run.isCancelled || !run.hasBegun) this.#finish(run);
      throw run.isCancelled ? wasStopped(error) : error;
    }
  }

  async #end(run: Run, options: ServerCloseOptions): Promise<void> {
    await this.#actions.stop(options);
    // What was under way fails now; what it had begun meanwhile is stopped, too.
    await run.started.catch(ignore);
    await this.#actions.idle();
    await this.#actions.stop(options);
    this.#isRunning = false;
    this.#stopping = undefined;
    this.#finish(run);
  }

  #finish(run: Run): void {
    if (run.hasBegun) this.#actions.ended();
    run.hasBegun = false;
    run.finish();
  }
}

class Run implements ClusterRun {
  readonly started: Promise<void>;
  readonly #ended = new Deferred<void>();
  #isCancelled = false;
  isStarted = false;
  hasBegun = false;

  constructor(begin: (run: Run) => Promise<void>) {
    this.started = begin(this);
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  cancel(): void {
    this.#isCancelled = true;
    // Those who await it are told; nobody else has to be.
    void quiet(this.started);
  }

  assertNotCancelled(): void {
    if (this.#isCancelled) throw wasStopped();
  }

  finish(): void {
    this.#ended.resolve();
  }
}

function wasStopped(cause?: unknown): ServerError {
  return new ServerError("The cluster was stopped while it was starting", cause === undefined ? {} : { cause });
}
