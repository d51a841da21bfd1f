import { draftNames, draftProfileNames } from "../constants/drafts.ts";

/** Checks of option values: each gives the reason why a value is refused, or undefined. */
export type Check = (value: unknown) => string | undefined;

/** For an option that is checked elsewhere, or may be anything. */
export function anything(): undefined {
  return undefined;
}

export function integer(minimum: number, maximum: number): Check {
  return (value) =>
    typeof value === "number" && Number.isInteger(value) && value >= minimum && value <= maximum
      ? undefined
      : `must be an integer from ${minimum} to ${maximum}`;
}

export function oneOf(...allowed: readonly string[]): Check {
  return (value) =>
    typeof value === "string" && allowed.includes(value) ? undefined : `must be one of ${allowed.join(", ")}`;
}

export function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? undefined : "must be a string that is not empty";
}

export function flag(value: unknown): string | undefined {
  return typeof value === "boolean" ? undefined : "must be true or false";
}

export function functionOrObject(value: unknown): string | undefined {
  return (typeof value === "object" && value !== null) || typeof value === "function" ? undefined : "must be an object";
}

export function aFunction(value: unknown): string | undefined {
  return typeof value === "function" ? undefined : "must be a function";
}

/** A logger needs all of its methods: which of them is called depends on what happens. */
export function aLogger(value: unknown): string | undefined {
  const given = (typeof value === "object" && value !== null) || typeof value === "function" ? value : {};
  const isLogger = ["debug", "info", "warn", "error"].every(
    (name) => typeof (given as Readonly<Record<string, unknown>>)[name] === "function",
  );
  return isLogger ? undefined : "must have the methods debug, info, warn and error, as pino and console have";
}

export function listOf(check: Check): Check {
  return (value) => {
    if (!Array.isArray(value)) return "must be an array";
    for (const [index, item] of value.entries()) {
      const reason = check(item);
      if (reason !== undefined) return `item ${index} ${reason}`;
    }
    return undefined;
  };
}

/** Undefined, or what passes `check`. */
export function optional(check: Check): Check {
  return (value) => (value === undefined ? undefined : check(value));
}

export function draftSelection(value: unknown): string | undefined {
  const profiles: readonly unknown[] = ["all", ...draftProfileNames];
  const names: readonly unknown[] = draftNames;
  if (profiles.includes(value)) return undefined;
  const isList = Array.isArray(value) && value.length > 0 && value.every((name) => names.includes(name));
  return isList ? undefined : `must be one of ${profiles.join(", ")}, or a list of ${names.join(", ")}`;
}
