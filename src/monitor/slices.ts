/** Milliseconds that one slice may take: a packet that has arrived meanwhile waits no longer. */
const sliceTime = 1;

/** Items between two looks at the clock. */
const itemsBetween = 16;

/**
 * Looks at each item, but gives the event loop back after every millisecond of it. `items` may change meanwhile, as a Map or
 * Set can; what has been added since the beginning beyond `most` items is left out.
 */
export async function inSlices<Item>(items: Iterable<Item>, most: number, look: (item: Item) => void): Promise<void> {
  let began = performance.now();
  let looked = 0;
  for (const item of items) {
    if (looked >= most) return;
    look(item);
    looked += 1;
    if (looked % itemsBetween !== 0 || performance.now() - began < sliceTime) continue;
    await nextTurn();
    began = performance.now();
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
