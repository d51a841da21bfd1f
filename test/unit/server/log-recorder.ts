import type { Logger } from "../../../src/config/logger.ts";

/** A line of a log. */
export type Line = [level: string, message: string, fields: Record<string, unknown>];

/** A logger that appends to `lines`. */
export function recorder(lines: Line[]): Logger {
  const note = (level: string) => (fields: object, message: string) =>
    void lines.push([level, message, fields as Record<string, unknown>]);
  return { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };
}
