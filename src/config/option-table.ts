import { inspect } from "node:util";

import { nearestName } from "../base/nearest-name.ts";
import { ConfigurationError } from "../errors/errors.ts";

import { flag, integer, listOf, oneOf, optional, text } from "./option-checks.ts";
import type { Check } from "./option-checks.ts";

/** One option of a configuration: its default and what it allows. */
export interface Option {
  readonly initial: unknown;
  readonly check: Check;
  /** Never shown: "[hidden]" takes its place. */
  readonly secret?: true;
  /** Not shown when it is refused: a part of it may be a credential. */
  readonly sensitive?: true;
  /** Not data: left out of `toObject`. */
  readonly live?: true;
  /** Its value from an environment variable's text. Without it the environment does not set the option. */
  readonly parse?: (text: string) => unknown;
  /** How `toObject` shows the value. Default: as it is. */
  readonly show?: (value: unknown) => unknown;
  /** Copies a value that its giver may change later. Default: as it is. */
  readonly capture?: (value: unknown) => unknown;
}

/** A whole number of `minimum` to `maximum`. */
export function numberOption(initial: number, minimum: number, maximum: number): Option {
  return { initial, check: integer(minimum, maximum), parse: Number };
}

export function flagOption(initial: boolean): Option {
  return { initial, check: flag, parse: parseFlag };
}

export function choiceOption(initial: string, ...allowed: readonly string[]): Option {
  return { initial, check: oneOf(...allowed), parse: String };
}

export function textOption(initial?: string): Option {
  return { initial, check: optional(text), parse: String };
}

/** In the environment its items stand between commas. */
export function listOption(check: Check = text, initial?: readonly string[]): Option {
  const capture = (value: unknown): unknown => Object.freeze([...(value as readonly unknown[])]);
  return { initial, check: optional(listOf(check)), parse: parseList, capture };
}

/** The options of a configuration class: defaults, checks, and how they come from and go to plain data. */
export class OptionTable<Options extends object> {
  readonly owner: string;
  readonly #options: Readonly<Record<keyof Options & string, Option>>;
  readonly names: readonly (keyof Options & string)[];

  /** `owner`: the configuration class, for its messages. */
  constructor(owner: string, options: Readonly<Record<keyof Options & string, Option>>) {
    this.owner = owner;
    this.#options = options;
    this.names = Object.keys(options) as (keyof Options & string)[];
  }

  /** Every option with its value or default. Throws ConfigurationError for a name that is no option, or a value that is not allowed. */
  complete(given: Options): Record<keyof Options & string, unknown> {
    const isObject = typeof (given as unknown) === "object" && (given as unknown) !== null;
    if (!isObject) throw refused("options", given, `of ${this.owner} must be an object`);
    for (const name of Object.keys(given)) {
      if (!Object.hasOwn(this.#options, name)) throw this.#unknown(name);
    }
    const values = {} as Record<keyof Options & string, unknown>;
    for (const name of this.names) values[name] = given[name] ?? this.#options[name].initial;
    this.check(values);
    for (const name of this.names) {
      const { capture, initial } = this.#options[name];
      if (capture !== undefined && values[name] !== initial) values[name] = capture(values[name]);
    }
    return values;
  }

  /** Throws ConfigurationError for the first value that is not allowed. */
  check(values: Readonly<Record<keyof Options & string, unknown>>): void {
    for (const name of this.names) {
      const { check, secret = false, sensitive = false } = this.#options[name];
      const reason = check(values[name]);
      if (reason !== undefined) throw refused(name, secret || sensitive ? "[hidden]" : values[name], reason);
    }
  }

  /** The values that differ from the defaults. */
  changed(values: Readonly<Record<keyof Options & string, unknown>>): Options {
    const changed = this.names.filter((name) => values[name] !== this.#options[name].initial);
    return Object.fromEntries(changed.map((name) => [name, values[name]])) as Options;
  }

  /** Every value that is data, without secrets. */
  toObject(values: Readonly<Record<keyof Options & string, unknown>>): Record<string, unknown> {
    const shown = this.names.filter((name) => this.#options[name].live !== true && values[name] !== undefined);
    return Object.fromEntries(shown.map((name) => [name, this.#show(name, values[name])]));
  }

  /** Options from variables such as `WT_CONNECT_TIMEOUT` (prefix `WT_`, option `connectTimeout`); others are ignored. */
  fromEnvironment(environment: Readonly<Record<string, string | undefined>>, prefix: string): Options {
    const given: Record<string, unknown> = {};
    for (const name of this.names) {
      const { parse } = this.#options[name];
      const value = environment[`${prefix}${upperSnakeCase(name)}`];
      if (parse !== undefined && value !== undefined && value !== "") given[name] = parse(value);
    }
    return given as Options;
  }

  #unknown(name: string): ConfigurationError {
    const meant = nearestName(name, this.names);
    const hint = meant === undefined ? "" : `; did you mean ${meant}?`;
    return refused(name, undefined, `is not an option of ${this.owner}${hint}`);
  }

  #show(name: keyof Options & string, value: unknown): unknown {
    const { secret, show } = this.#options[name];
    return secret === true ? "[hidden]" : (show?.(value) ?? value);
  }
}

/** Names key, value and reason. */
export function refused(key: string, value: unknown, reason: string): ConfigurationError {
  const current = value === undefined ? "" : `: current value is ${inspect(value)}`;
  return new ConfigurationError(`${key} ${reason}${current}`, { configKey: key, configValue: value });
}

function upperSnakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, "_$&").toUpperCase();
}

/** Anything that is neither stays a text, which the option's check refuses. */
function parseFlag(text: string): unknown {
  if (/^(1|true|yes|on)$/i.test(text)) return true;
  return /^(0|false|no|off)$/i.test(text) ? false : text;
}

function parseList(text: string): string[] {
  return text.split(",").map((item) => item.trim());
}
