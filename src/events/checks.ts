/** What callers give to emitters. */
import { quiet } from "../async/promises.ts";
import { ConfigurationError } from "../errors/errors.ts";

/** The longest time of a Node timer, in milliseconds: a longer one would end at once. */
const longest = 2 ** 31 - 1;

const waitOptions: Readonly<Record<string, readonly [isRight: (value: unknown) => boolean, reason: string]>> = {
  timeout: [
    (value) => typeof value === "number" && value >= 0 && value <= longest,
    `must be a number of milliseconds from 0 to ${longest}`,
  ],
  condition: [(value) => typeof value === "function", "must be a function"],
  signal: [(value) => value instanceof AbortSignal, "must be an AbortSignal"],
};

/** Throws ConfigurationError for what is no function. */
export function checkListener(listener: unknown): void {
  if (typeof listener !== "function") throw refused("listener", listener, "must be a function");
}

/** Throws ConfigurationError for a type that is no text, and for options that `waitFor` does not have. */
export function checkWait(type: unknown, options: unknown): void {
  if (typeof type !== "string" || type === "") throw refused("type", type, "must be the name of an event");
  if (typeof options !== "object" || options === null) throw refused("options", options, "must be an object");
  for (const [name, value] of Object.entries(options) as readonly [string, unknown][]) {
    const check = Object.hasOwn(waitOptions, name) ? waitOptions[name] : undefined;
    if (check === undefined)
      throw refused(name, value, "is not an option of waitFor: timeout, condition and signal are");
    const [isRight, reason] = check;
    if (value !== undefined && !isRight(value)) throw refused(name, value, reason);
  }
}

/**
 * Whether the payload meets the condition. Throws what that throws, and ConfigurationError when it answers with a promise,
 * which would always be taken for true.
 */
export function meets<Payload>(condition: ((payload: Payload) => boolean) | undefined, payload: Payload): boolean {
  if (condition === undefined) return true;
  const answer: unknown = condition(payload);
  if (!(answer instanceof Promise)) return Boolean(answer);
  void quiet(answer);
  throw refused("condition", condition, "must answer at once, not with a promise");
}

function refused(key: string, value: unknown, reason: string): ConfigurationError {
  const shown = typeof value === "object" && value !== null ? "an object" : String(value);
  return new ConfigurationError(`${key} ${reason}: current value is ${shown}`, { configKey: key, configValue: value });
}
