/** Command lines of the interop programs: what is wrong with them is one line and exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export function portOf(name: string, text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new UsageError(`${name} must be 0 to 65535, not "${text}"`);
}

export function oneOf<Choice extends string>(name: string, text: string, choices: readonly Choice[]): Choice {
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined) throw new UsageError(`${name} must be one of ${choices.join(", ")}, not "${text}"`);
  return choice;
}
