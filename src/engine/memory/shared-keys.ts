/**
 * What the native engine shares with other endpoints. Without packets, tokens and TLS there is nothing to use it for: here
 * it is only checked, and what is wrong is refused as by the native engine.
 */
import { EngineError } from "../engine.ts";
import type { EndpointOptions, ServerOptions, SharedKeys } from "../engine.ts";

const mostWorkers = 256;

/** Which keys an endpoint was created with. */
export class SharedKeyNames {
  readonly #given: ReadonlySet<string>;

  /** Throws {@link EngineError}. */
  constructor({ workerId, resetKey, tokenKey, ticketKey, previousKeys = {} }: ServerOptions) {
    if (workerId !== undefined && !(Number.isInteger(workerId) && workerId >= 0 && workerId <= 65_535)) {
      throw invalid(`workerId must be from 0 to 65535: current value is ${workerId}`);
    }
    this.#given = new Set(namesOf({ resetKey, tokenKey, ticketKey }));
    const extra = this.#firstBeyond(previousKeys);
    if (extra !== undefined) throw invalid(`previousKeys: ${extra} needs the present ${extra}`);
  }

  /** Throws {@link EngineError}. */
  checkUpdate(keys: SharedKeys): void {
    const extra = this.#firstBeyond(keys);
    if (extra !== undefined) {
      throw invalid(`${extra} can only be replaced at an endpoint that was created with one`);
    }
  }

  #firstBeyond({ resetKey, tokenKey, ticketKey }: SharedKeys): string | undefined {
    return namesOf({ resetKey, tokenKey, ticketKey }).find((name) => !this.#given.has(name));
  }
}

/** Throws {@link EngineError}. */
export function checkSteering({ steering, server }: EndpointOptions): void {
  if (steering === undefined) return;
  const { slots, activeWorkers, shares, newConnections = "anyone" } = steering;
  if (server === undefined) throw invalid("steering is for endpoints that accept connections");
  if (server.workerId === undefined) throw invalid("steering needs a workerId");
  if (!(Number.isInteger(slots) && slots >= 1 && slots <= mostWorkers)) {
    throw invalid(`steering.slots must be from 1 to ${mostWorkers}: current value is ${slots}`);
  }
  if (server.workerId >= slots) {
    throw invalid(`workerId must be less than steering.slots (${slots}): current value is ${server.workerId}`);
  }
  if (!["anyone", "hash"].includes(newConnections)) {
    throw invalid(`steering.newConnections: current value is "${newConnections}"`);
  }
  checkWorkers("steering.activeWorkers", activeWorkers, slots);
  checkShares("steering.shares", shares, activeWorkers.length);
}

/** Throws {@link EngineError}. */
export function checkWorkers(option: string, ids: readonly number[], slots: number): void {
  const isSlot = (id: number, index: number): boolean =>
    Number.isInteger(id) && id >= 0 && id < slots && ids.indexOf(id) === index;
  const wrong = ids.find((id, index) => !isSlot(id, index));
  if (wrong !== undefined) {
    throw invalid(`${option} must be different numbers from 0 to ${slots - 1}: ${wrong} is not`);
  }
}

/** Throws {@link EngineError}. */
export function checkShares(option: string, shares: readonly number[] | undefined, workers: number): void {
  if (shares === undefined) return;
  const areWhole = shares.every((share) => Number.isInteger(share) && share >= 1);
  const sum = shares.reduce((total, share) => total + share, 0);
  if (shares.length === workers && areWhole && (workers === 0 || sum === 65_536)) return;
  throw invalid(
    `${option} must be a whole number from 1 on for each of ${workers} workers, 65536 in sum: ` +
      `current value is [${shares.join(", ")}]`,
  );
}

/** The names of the keys that are there. */
function namesOf(keys: Readonly<Record<keyof SharedKeys, Uint8Array | undefined>>): string[] {
  const names: string[] = [];
  for (const [name, key] of Object.entries(keys)) {
    if (key === undefined) continue;
    if (key.length !== 32) throw invalid(`${name} must be 32 bytes: current length is ${key.length}`);
    names.push(name);
  }
  return names;
}

export function invalid(text: string): EngineError {
  return new EngineError("invalid-option", text);
}
