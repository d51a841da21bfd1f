/** Waits for `promise`, but no longer than `timeout` milliseconds. */
export async function settledWithin(promise: Promise<unknown>, timeout: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const elapsed = new Promise((resolve) => {
    timer = setTimeout(resolve, timeout);
  });
  await Promise.race([promise, elapsed]);
  clearTimeout(timer);
}
