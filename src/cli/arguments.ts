import { isIP } from "node:net";
import { parseArgs } from "node:util";

import { nearestName } from "../base/nearest-name.ts";
import { hostnamesOf } from "../certificates/hostnames.ts";
import { ConfigurationError } from "../errors/errors.ts";

import type { OptionSpecification } from "./option-specification.ts";
import { UsageError } from "./usage-error.ts";

/** How many arguments are no options. `name` is the first one's, as the usage has it. */
export interface PositionalsShape {
  readonly least: number;
  readonly most: number;
  readonly name?: string;
}

export interface ArgumentsShape {
  readonly options: Readonly<Record<string, OptionSpecification>>;
  readonly positionals: PositionalsShape;
}

/** Both ends are allowed. */
export interface IntegerRange {
  readonly least: number;
  readonly most: number;
}

/** A command's arguments, parsed. Everything that does not fit is a UsageError that names the option and what is allowed. */
export class Arguments {
  readonly positionals: readonly string[];
  readonly #values: ReadonlyMap<string, readonly string[]>;
  readonly #options: ArgumentsShape["options"];

  constructor(args: readonly string[], shape: ArgumentsShape) {
    const { tokens } = parseArgs({
      args: [...args],
      options: parserOptions(shape.options),
      allowPositionals: true,
      strict: false,
      tokens: true,
    });
    const values = new Map<string, string[]>();
    const positionals: string[] = [];
    for (const token of tokens) {
      if (token.kind === "positional") positionals.push(token.value);
      if (token.kind !== "option") continue;
      const { name, rawName, value, inlineValue } = token;
      const specification = Object.hasOwn(shape.options, name) ? shape.options[name] : undefined;
      if (specification === undefined) throw unknownOption(rawName, Object.keys(shape.options));
      const earlier = values.get(name) ?? [];
      if (specification.type === "string" && isMissing(value, inlineValue)) {
        throw new UsageError(`${rawName} needs a value: ${rawName} ${specification.value ?? "VALUE"}`);
      }
      if (specification.type === "boolean" && value !== undefined) {
        throw new UsageError(`${rawName} takes no value, but has "${value}"`);
      }
      if (specification.type === "string" && specification.multiple !== true && earlier.length > 0) {
        throw new UsageError(`${rawName} is given twice`);
      }
      earlier.push(value ?? "");
      values.set(name, earlier);
    }
    checkCount(positionals, shape);
    this.positionals = positionals;
    this.#values = values;
    this.#options = shape.options;
  }

  flag(name: string): boolean {
    return this.#values.has(name);
  }

  /** Not the empty string, unless the option's may be it. */
  text(name: string): string | undefined {
    return this.list(name)[0];
  }

  /** Every value of an option that may be given several times. */
  list(name: string): readonly string[] {
    const values = this.#values.get(name) ?? [];
    const { value = "VALUE", mayBeEmpty = false } = this.#options[name] ?? {};
    if (values.includes("") && !mayBeEmpty) {
      throw new UsageError(`--${name} must not be empty: --${name} ${value}`);
    }
    return values;
  }

  integer(name: string, range: IntegerRange): number | undefined {
    const text = this.#first(name);
    return text === undefined ? undefined : integerOf(name, text, range);
  }

  /** A word may stand in the number's place. */
  integerOr<Word extends string>(name: string, word: Word, range: IntegerRange): number | Word | undefined {
    const text = this.#first(name);
    if (text === undefined || text === word) return text as Word | undefined;
    return integerOf(name, text, range, `, or ${word}`);
  }

  port(name: string): number | undefined {
    return this.integer(name, { least: 0, most: 65_535 });
  }

  /** A host name or an IP address. A certificate and a URL have no place for a zone (fe80::1%eth0). */
  host(name: string, { mayHaveZone = false } = {}): string | undefined {
    const text = this.text(name);
    if (text !== undefined) checkHost(name, mayHaveZone && isIP(text) !== 0 ? text.replace(/%.*/, "") : text);
    return text;
  }

  choice<Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    const text = this.#first(name);
    const choice = choices.find((each) => each === text);
    if (text === undefined || choice !== undefined) return choice;
    throw new UsageError(`--${name} must be one of ${choices.join(", ")}, not "${text}"`);
  }

  /** Two options of which at most one may be given, or both of which belong together. */
  refuseTogether(one: string, other: string): void {
    if (this.flag(one) && this.flag(other)) throw new UsageError(`--${one} and --${other} exclude each other`);
  }

  /** An option that says something only beside another one. */
  requireBeside(one: string, other: string): void {
    if (this.flag(one) && !this.flag(other)) throw new UsageError(`--${one} needs --${other}, too`);
  }

  requireTogether(one: string, other: string): void {
    this.requireBeside(one, other);
    this.requireBeside(other, one);
  }

  /** As it was given. */
  #first(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }
}

function parserOptions(
  options: ArgumentsShape["options"],
): Record<string, { type: "string" | "boolean"; short?: string; multiple: boolean }> {
  return Object.fromEntries(
    Object.entries(options).map(([name, { type, short, multiple = false }]) => [
      name,
      { type, ...(short !== undefined && { short }), multiple },
    ]),
  );
}

function integerOf(option: string, text: string, { least, most }: IntegerRange, otherwise = ""): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`--${option} must be ${least} to ${most}${otherwise}, not "${text}"`);
}

function checkHost(option: string, text: string): void {
  try {
    hostnamesOf(text);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new UsageError(`--${option} must be a host name or an IP address, not "${text}"`);
  }
}

/** The next option is no value, a negative number is; other values that begin with a dash are given as --name=-value. */
function isMissing(value: string | undefined, isInline: boolean | undefined): boolean {
  return value === undefined || (isInline !== true && /^-(?!\d)./.test(value));
}

function unknownOption(rawName: string, known: readonly string[]): UsageError {
  const nearest = nearestName(rawName.replace(/^-+/, ""), known);
  const hint = nearest === undefined ? "" : ` Did you mean --${nearest}?`;
  return new UsageError(`Unknown option ${rawName}.${hint}`);
}

function checkCount(
  positionals: readonly string[],
  { positionals: { least, most, name = "An argument" } }: ArgumentsShape,
): void {
  const { length } = positionals;
  if (length < least) throw new UsageError(`${name} is missing.`);
  if (length > most) throw new UsageError(`Unexpected argument "${positionals[most] ?? ""}".`);
  if (positionals.includes("")) throw new UsageError(`${name} must not be empty.`);
}
