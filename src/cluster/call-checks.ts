/** Checks of what is given to a cluster's methods. */
import { checkOptions } from "../config/given-options.ts";
import { anything, integer } from "../config/option-checks.ts";
import { refused } from "../config/option-table.ts";
import type { ServerCloseOptions } from "../server/server.ts";
import { checkCloseCode, checkCloseReason } from "../transport/session/close-code.ts";
import type { ServerAddress } from "./cluster-backend.ts";

/** Throws ConfigurationError. */
export function checkWorkers(workers: unknown): void {
  const reason = integer(1, 256)(workers);
  if (reason !== undefined) throw refused("workers", workers, reason);
}

/** Throws ConfigurationError. */
export function checkAddress(address: unknown): void {
  const { host, port } = (address ?? {}) as Partial<ServerAddress>;
  if (typeof host === "string" && integer(0, 65_535)(port) === undefined) return;
  throw refused("address", address, "must be an object with `host` (a string) and `port` (an integer from 0 to 65535)");
}

/** A timer can wait so many milliseconds. */
const longest = 2 ** 31 - 1;

/** Throws as `close` of a server does; ConfigurationError for a time that is none. */
export function checkCloseOptions(options: ServerCloseOptions): void {
  checkOptions("close", options, { timeout: anything, code: anything, reason: anything });
  const { timeout = 0, code, reason } = options;
  checkCloseCode(code);
  checkCloseReason(reason);
  if (typeof timeout === "number" && timeout >= 0 && timeout <= longest) return;
  throw refused("timeout", timeout, `must be a number of milliseconds from 0 to ${longest}`);
}
