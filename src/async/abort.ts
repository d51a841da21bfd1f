/** The callbacks that wait for a signal, and the one listener that calls them. */
interface Waiting {
  readonly callbacks: Set<{ readonly run: () => void }>;
  readonly listener: () => void;
}

/**
 * Node warns of a leak when an AbortSignal has more than ten listeners, but any number of calls may share one signal. So
 * all callbacks share one listener, which exists only while a callback waits.
 */
const waiting = new WeakMap<AbortSignal, Waiting>();

/** Runs `run` when `signal` aborts, in the order of the calls; not when it has aborted before. The returned function cancels that. */
export function onAbort(signal: AbortSignal | undefined, run: () => void): () => void {
  if (signal === undefined || signal.aborted) return nothing;
  const { callbacks, listener } = waiting.get(signal) ?? listen(signal);
  const callback = { run };
  callbacks.add(callback);
  return () => {
    if (!callbacks.delete(callback) || callbacks.size > 0) return;
    signal.removeEventListener("abort", listener);
    waiting.delete(signal);
  };
}

function listen(signal: AbortSignal): Waiting {
  const callbacks: Waiting["callbacks"] = new Set();
  const listener = (): void => {
    for (const callback of callbacks) {
      callbacks.delete(callback);
      try {
        callback.run();
      } catch (error) {
        // As with listeners of the signal itself: the other callbacks run, and the process reports the error.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  };
  const entry = { callbacks, listener };
  waiting.set(signal, entry);
  signal.addEventListener("abort", listener, { once: true });
  return entry;
}

function nothing(): void {
  // There is nothing to cancel.
}
