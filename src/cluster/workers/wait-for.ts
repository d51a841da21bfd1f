import { onAbort } from "../../async/abort.ts";

/** Resolves after `milliseconds`, or when `signal` aborts. Keeps the process alive. */
export async function waitFor(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      endAbort();
      resolve();
    }, milliseconds);
    const endAbort = onAbort(signal, () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
