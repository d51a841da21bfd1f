import type { SharedKeys } from "../../engine/engine.ts";
import type { KeyGenerations } from "./messages.ts";

const keyLength = 32;

/** The secrets that the workers of one UDP port share. They exist only in the memory of the cluster's processes. */
export class KeyRing {
  #generations: KeyGenerations = { current: freshKeys(), previous: undefined };

  get generations(): KeyGenerations {
    return this.#generations;
  }

  /** Replaces the present keys and returns the new ones; those before the present ones are forgotten. */
  rotate(): Required<SharedKeys> {
    const current = freshKeys();
    this.#generations = { current, previous: this.#generations.current };
    return current;
  }
}

function freshKeys(): Required<SharedKeys> {
  const { randomBytes } = process.getBuiltinModule("node:crypto");
  return { resetKey: randomBytes(keyLength), tokenKey: randomBytes(keyLength), ticketKey: randomBytes(keyLength) };
}
