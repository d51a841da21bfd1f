/** What no promise of the library may do: reject with nobody listening. Vitest runs this before every test file. */
import { afterEach } from "vitest";

import { UnhandledErrors } from "./unhandled-error-log.ts";

// Captured before a test can put fake timers in its place.
const { setImmediate } = globalThis;

const log = new UnhandledErrors(process);

afterEach(async ({ task }) => {
  // Node tells of a rejection once the microtasks are done: after this turn at the latest.
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  log.throwIfAny(task.name);
});
