const events = ["uncaughtException", "uncaughtExceptionMonitor"] as const;

/** Runs `action` and gives the uncaught exceptions that came up until it resolved, instead of failing the run with them. */
export async function uncaughtDuring(action: () => Promise<void>): Promise<unknown[]> {
  const errors: unknown[] = [];
  const others = events.map((event) => ({ event, listeners: process.rawListeners(event) }));
  const note = (error: unknown): void => {
    errors.push(error);
  };
  for (const event of events) process.removeAllListeners(event);
  process.on("uncaughtException", note);
  try {
    await action();
    // A report may be a microtask behind the last event.
    await new Promise(setImmediate);
  } finally {
    process.off("uncaughtException", note);
    for (const { event, listeners } of others) {
      for (const listener of listeners) process.on(event, listener as (error: unknown) => void);
    }
  }
  return errors;
}
