/** Objects of options that functions and constructors without a configuration of their own are given. */
import { aFunction, text } from "./option-checks.ts";
import type { Check } from "./option-checks.ts";
import { checkIsOptions, refused, unknownOption } from "./option-table.ts";

/**
 * Throws ConfigurationError for what is no object, for a name that is not in `checks`, and for a value that its check
 * refuses. An option that is undefined is not given.
 */
export function checkOptions(owner: string, given: unknown, checks: Readonly<Record<string, Check>>): void {
  checkIsOptions(owner, given);
  for (const [name, value] of Object.entries(given) as readonly [string, unknown][]) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (check === undefined) throw unknownOption(owner, name, Object.keys(checks));
    const reason = value === undefined ? undefined : check(value);
    if (reason !== undefined) throw refused(name, value, reason);
  }
}

/** Throws ConfigurationError for what is no function. `name`: the parameter's. */
export function checkFunction(name: string, given: unknown): void {
  const reason = aFunction(given);
  if (reason !== undefined) throw refused(name, given, reason);
}

/** Throws ConfigurationError for what is no pair of PEM texts. */
export function checkIdentity(given: unknown): void {
  checkIsOptions("a certificate", given);
  for (const name of ["cert", "key"]) {
    const reason = text((given as Readonly<Record<string, unknown>>)[name]);
    // Not the value: it may be a key.
    if (reason !== undefined) throw refused(name, undefined, `${reason}: the certificate's PEM text and its key's`);
  }
}

/** Throws ConfigurationError for what is no AbortSignal. */
export function checkSignal(given: unknown): void {
  if (!(given instanceof AbortSignal)) throw refused("signal", given, "must be an AbortSignal");
}
