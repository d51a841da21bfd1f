import { errorText } from "../base/error-text.ts";
import { escapeControls } from "../base/escape-controls.ts";

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

/** Loggers whose failure has been reported. */
const reported = new WeakSet<object>();

/**
 * A configuration's logger with everything below its level left out. What the logger throws, or its promise rejects with,
 * never reaches the caller: a warning of the process tells of the first failure.
 */
export function loggerOf(values: {
  readonly logger: Logger;
  readonly logLevel: LogLevel;
  readonly debug: boolean;
}): Logger {
  const { logLevel, debug } = values;
  // An asynchronous function fits a logger's type, too.
  const logger: Readonly<Record<keyof Logger, (fields: object, message: string) => unknown>> = values.logger;
  const least = debug ? 0 : levels.indexOf(logLevel);
  const report = (error: unknown): void => {
    if (reported.has(logger)) return;
    reported.add(logger);
    process.emitWarning(`The logger failed; its lines may be lost: ${errorText(error)}`, { code: "WT_LOGGER" });
  };
  const only = (name: keyof Logger): Logger["info"] =>
    levels.indexOf(name) < least
      ? () => {}
      : (fields, message) => {
          try {
            const result = logger[name](fields, message);
            if (result instanceof Promise) result.catch(report);
          } catch (error) {
            report(error);
          }
        };
  return { debug: only("debug"), info: only("info"), warn: only("warn"), error: only("error") };
}

function line(level: string, fields: object, message: string): void {
  const details = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${plain(value)}`);
  console.error(
    `${new Date().toISOString()} ${level.toUpperCase()} ${escapeControls(`${message}${details.join("")}`)}`,
  );
}

function plain(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(errorText(value));
  if (typeof value === "string" && /^[\w.:/@[\]-]+$/.test(value)) return value;
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "function") return "[function]";
  try {
    return JSON.stringify(value);
  } catch {
    // It refers to itself, or holds a bigint.
    return JSON.stringify(errorText(value));
  }
}
