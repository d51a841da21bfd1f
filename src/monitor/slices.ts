/** Milliseconds that one slice may take: a packet that has arrived meanwhile waits no longer. */
const sliceTime = 1;

/** Items between two looks at the clock. */
const itemsBetween = 16;

/** Cuts long work into slices: between them the event loop does what else there is. */
export class Slices {
  #began = performance.now();

  /** The slice has lasted for a millisecond. */
  get isOver(): boolean {
    return performance.now() - this.#began >= sliceTime;
  }

  /** Gives the event loop back; resolves when the next slice begins. */
  async next(): Promise<void> {
    await nextTurn();
    this.#began = performance.now();
  }
}

/**
 * Looks at each item, but gives the event loop back after every millisecond of it. `items` may change meanwhile, as a Map or
 * Set can; what has been added since the beginning beyond `most` items is left out.
 */
export async function inSlices<Item>(items: Iterable<Item>, most: number, look: (item: Item) => void): Promise<void> {
  const slices = new Slices();
  let looked = 0;
  for (const item of items) {
    if (looked >= most) return;
    look(item);
    looked += 1;
    if (looked % itemsBetween === 0 && slices.isOver) await slices.next();
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
