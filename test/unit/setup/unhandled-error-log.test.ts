import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";

import { UnhandledErrors } from "../../setup/unhandled-error-log.ts";

describe("the log of unhandled errors", () => {
  it("is silent when nothing went unhandled", () => {
    const log = new UnhandledErrors(new EventEmitter());
    expect(() => log.throwIfAny("a quiet test")).not.toThrow();
  });

  it.each(["unhandledRejection", "uncaughtExceptionMonitor"])(
    "fails the test during which a %s came, once",
    (event) => {
      const process = new EventEmitter();
      const log = new UnhandledErrors(process);
      process.emit(event, new Error("nobody listens"));
      expect(() => log.throwIfAny("a test")).toThrow(/1 errors that nobody handled during "a test".*nobody listens/s);
      expect(() => log.throwIfAny("the next test")).not.toThrow();
    },
  );
});
