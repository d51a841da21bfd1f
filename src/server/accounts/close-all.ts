/** Closes each of them at once, and waits for all. Rejects with AggregateError after every one was tried. */
export async function closeAll<Item>(
  what: string,
  items: readonly Item[],
  close: (item: Item) => Promise<unknown>,
): Promise<void> {
  const results = await Promise.allSettled(items.map(async (item) => close(item)));
  const errors = results.flatMap((result) => (result.status === "rejected" ? [result.reason as unknown] : []));
  if (errors.length > 0) throw new AggregateError(errors, `Cannot close ${errors.length} of ${items.length} ${what}s`);
}
