import type { CommandEntry } from "./command.ts";

/** The names of the commands that the help shows. */
export function commandNames(commands: Readonly<Record<string, CommandEntry>>): string[] {
  return Object.entries(commands).flatMap(([name, { hidden }]) => (hidden === true ? [] : [name]));
}
