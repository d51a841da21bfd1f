import { parseArgs } from "node:util";

import { nearestName } from "../base/nearest-name.ts";

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

/** A command's arguments, parsed. Everything that does not fit is a UsageError that names the option and what is allowed. */
export class Arguments {
  readonly positionals: readonly string[];
  readonly #values: ReadonlyMap<string, readonly string[]>;

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
  }

  flag(name: string): boolean {
    return this.#values.has(name);
  }

  text(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }

  /** Every value of an option that may be given several times. */
  list(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  integer(name: string, range: { readonly least: number; readonly most: number }): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
    if (value >= range.least && value <= range.most) return value;
    throw new UsageError(`--${name} must be ${range.least} to ${range.most}, not "${text}"`);
  }

  port(name: string): number | undefined {
    return this.integer(name, { least: 0, most: 65_535 });
  }

  choice<Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    const text = this.text(name);
    const choice = choices.find((each) => each === text);
    if (text === undefined || choice !== undefined) return choice;
    throw new UsageError(`--${name} must be one of ${choices.join(", ")}, not "${text}"`);
  }

  /** Two options of which at most one may be given, or both of which belong together. */
  refuseTogether(one: string, other: string): void {
    if (this.flag(one) && this.flag(other)) throw new UsageError(`--${one} and --${other} exclude each other`);
  }

  requireTogether(one: string, other: string): void {
    if (this.flag(one) === this.flag(other)) return;
    const [given, missing] = this.flag(one) ? [one, other] : [other, one];
    throw new UsageError(`--${given} needs --${missing}, too`);
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

/** The next option is no value; where a value begins with a dash, it is given as --name=-value. */
function isMissing(value: string | undefined, isInline: boolean | undefined): boolean {
  return value === undefined || (isInline !== true && value.length > 1 && value.startsWith("-"));
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
}
