/** Runs `action` and gives the uncaught exceptions that came up until it resolved, instead of failing the run with them. */
export async function uncaughtDuring(action: () => Promise<void>): Promise<unknown[]> {
  const errors: unknown[] = [];
  const others = process.listeners("uncaughtException");
  const note = (error: unknown): void => {
    errors.push(error);
  };
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", note);
  try {
    await action();
    // A report may be a microtask behind the last event.
    await new Promise(setImmediate);
  } finally {
    process.off("uncaughtException", note);
    for (const other of others) process.on("uncaughtException", other);
  }
  return errors;
}
