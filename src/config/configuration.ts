import { inspect } from "node:util";

import { checkIsOptions } from "./option-table.ts";
import type { OptionTable } from "./option-table.ts";

/** Options of an {@link OptionTable}, checked and frozen: every one with its value or default. */
export abstract class Configuration<Options extends object, Values extends object> {
  readonly values: Values;
  readonly #table: OptionTable<Options>;
  readonly #record: Readonly<Record<keyof Options & string, unknown>>;

  /** Throws ConfigurationError naming key, value and reason. */
  protected constructor(table: OptionTable<Options>, given: Options) {
    this.#table = table;
    this.#record = Object.freeze(table.complete(given));
    this.values = this.#record as unknown as Values;
    this.checkTogether();
    Object.freeze(this);
  }

  /** Throws ConfigurationError for the first value that is not allowed, or that does not go with another. */
  validate(): void {
    this.#table.check(this.#record);
    this.checkTogether();
  }

  /** A new configuration with some values changed; those that are undefined stay as they are. */
  update(changes: Options): this {
    checkIsOptions(this.#table.owner, changes);
    const given = Object.entries(changes).filter(([, value]) => value !== undefined);
    return this.#with(Object.fromEntries(given) as Options);
  }

  /** An equal configuration. */
  copy(): this {
    return this.#with({} as Options);
  }

  /** `other`'s values where they differ from the defaults, this one's elsewhere. */
  merge(other: this | Options): this {
    return other instanceof Configuration ? this.#with(other.#changed()) : this.update(other);
  }

  /** Every value that is data, without secrets. */
  toObject(): Record<string, unknown> {
    return this.#table.toObject(this.#record);
  }

  /** As plain data; private keys are left out. */
  toJSON(): Record<string, unknown> {
    return this.toObject();
  }

  /** What `console.log` shows: private keys are left out. */
  [inspect.custom](): string {
    return `${this.#table.owner} ${inspect(this.toObject())}`;
  }

  /** Throws ConfigurationError for a value that does not go with another. */
  protected abstract checkTogether(): void;

  #changed(): Options {
    return this.#table.changed(this.#record);
  }

  #with(changes: Options): this {
    const Same = this.constructor as new (given: Options) => this;
    return new Same({ ...this.#changed(), ...changes });
  }
}
