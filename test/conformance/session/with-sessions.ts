import { expect } from "vitest";

import type { EngineFactory } from "../engine/under-test.ts";

import { SessionWorld } from "./session-world.ts";
import type { WorldOptions } from "./session-world.ts";

/** A test in a world of its own, of which nothing may be left, and no rejection that nobody heard of. */
export function withSessions(
  factory: EngineFactory,
  run: (world: SessionWorld) => Promise<void>,
  options: WorldOptions = {},
): () => Promise<void> {
  return async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => {
      unhandled.push(reason);
    };
    process.on("unhandledRejection", note);
    try {
      const world = await SessionWorld.create(factory, options);
      let counts;
      try {
        await run(world);
      } finally {
        counts = await world.close();
      }
      const none = { sessions: 0, streams: 0, waiters: 0, requests: 0, deadlines: 0 };
      expect(counts).toEqual({ client: none, server: none });
      await new Promise(setImmediate);
      expect(unhandled).toEqual([]);
    } finally {
      process.off("unhandledRejection", note);
    }
  };
}

export function text(chunk: Uint8Array | null | undefined): string | null | undefined {
  return chunk === null || chunk === undefined ? chunk : new TextDecoder().decode(chunk);
}

/** The item that must be there. */
export function given<T>(item: T | null | undefined): T {
  if (item === null || item === undefined) throw new Error("There is none");
  return item;
}

/** The error that the promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error("It was fulfilled");
    },
    (error: unknown) => error,
  );
}
