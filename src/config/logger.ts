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

/** A configuration's logger with everything below its level left out. */
export function loggerOf(values: {
  readonly logger: Logger;
  readonly logLevel: LogLevel;
  readonly debug: boolean;
}): Logger {
  const { logger, logLevel, debug } = values;
  const least = debug ? 0 : levels.indexOf(logLevel);
  const only = (name: Exclude<LogLevel, "silent">): Logger["info"] =>
    levels.indexOf(name) < least ? () => {} : (fields, message) => logger[name](fields, message);
  return { debug: only("debug"), info: only("info"), warn: only("warn"), error: only("error") };
}

function line(level: string, fields: object, message: string): void {
  const details = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${plain(value)}`);
  console.error(`${new Date().toISOString()} ${level.toUpperCase()} ${escaped(`${message}${details.join("")}`)}`);
}

/** Characters that control a terminal, or the order of its text, never reach it: a peer may have sent them. */
function escaped(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

function plain(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.stack ?? value.message);
  if (typeof value === "string" && /^[\w.:/@[\]-]+$/.test(value)) return value;
  if (typeof value === "bigint") return value.toString();
  return typeof value === "function" ? "[function]" : JSON.stringify(value);
}
