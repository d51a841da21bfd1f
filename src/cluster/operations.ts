import { quiet } from "../async/promises.ts";

/** Runs calls one after the other: what one of them has begun, the next one finds done. */
export class Operations {
  #last: Promise<unknown> = Promise.resolve();

  run<Result>(call: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(call);
    this.#last = quiet(result.catch(() => undefined));
    return quiet(result);
  }

  /** Resolves when all calls so far have ended. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
