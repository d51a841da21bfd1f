/** A timer of Node's that is longer fires at once. */
const longest = 2 ** 31 - 1;

/** Waits for `promise`, but no longer than `timeout` milliseconds; a time of weeks, or Infinity, is without limit. */
export async function settledWithin(promise: Promise<unknown>, timeout: number): Promise<void> {
  if (timeout > longest) {
    await promise;
    return;
  }
  let timer: NodeJS.Timeout | undefined;
  const elapsed = new Promise((resolve) => {
    timer = setTimeout(resolve, timeout);
  });
  await Promise.race([promise, elapsed]);
  clearTimeout(timer);
}
