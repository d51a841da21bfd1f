/** A logger of pino's shape: fields first, then the message. `console` fits, too. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const LogLevel = Object.freeze({
  DEBUG: "debug",
  INFO: "info",
  WARN: "warn",
  ERROR: "error",
  SILENT: "silent",
} as const);
export type LogLevel = (typeof LogLevel)[keyof typeof LogLevel];

const levels: readonly LogLevel[] = ["debug", "info", "warn", "error", "silent"];

/** Writes one line a message to standard error. */
export const consoleLogger: Logger = {
  debug: (fields, message) => line("debug", fields, message),
  info: (fields, message) => line("info", fields, message),
  warn: (fields, message) => line("warn", fields, message),
  error: (fields, message) => line("error", fields, message),
};

/** The logger with everything below `level` left out. */
export function atLevel(logger: Logger, level: LogLevel): Logger {
  const least = levels.indexOf(level);
  const only = (name: Exclude<LogLevel, "silent">): Logger["info"] =>
    levels.indexOf(name) < least ? () => {} : (fields, message) => logger[name](fields, message);
  return { debug: only("debug"), info: only("info"), warn: only("warn"), error: only("error") };
}

function line(level: string, fields: object, message: string): void {
  const details = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${plain(value)}`);
  console.error(`${new Date().toISOString()} ${level.toUpperCase()} ${message}${details.join("")}`);
}

/** Control characters of what a peer sent never reach the terminal. */
function plain(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.stack ?? value.message);
  if (typeof value === "string" && /^[\w.:/@[\]-]+$/.test(value)) return value;
  if (typeof value === "bigint") return value.toString();
  return typeof value === "function" ? "[function]" : JSON.stringify(value);
}
