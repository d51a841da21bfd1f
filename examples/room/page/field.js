// The field: everybody's cursor, moved with a pointer or with the arrow keys.

/** @typedef {{ id: number, name: string }} Person */

/** Coordinates go from 0 to this. */
const SIZE = 65_535;

/** What an arrow key moves, of the field. */
const STEP = 0.02;

/** Milliseconds after which a position is sent again: a datagram may have been lost, and newcomers know nothing. */
const REPETITION = 2000;

const arrows = new Map([
  ["ArrowLeft", [-1, 0]],
  ["ArrowRight", [1, 0]],
  ["ArrowUp", [0, -1]],
  ["ArrowDown", [0, 1]],
]);

export class Field {
  #element;
  #send;
  /** @type {Map<number, { element: HTMLElement, sequence: number }>} */
  #cursors = new Map();
  /** @type {number | undefined} */
  #me;
  /** @type {{ x: number, y: number } | undefined} */
  #mine;
  #isDue = false;

  /**
   * @param {HTMLElement} element
   * @param {(cursor: { x: number, y: number }) => void} send
   */
  constructor(element, send) {
    this.#element = element;
    this.#send = send;
    element.addEventListener("pointermove", (event) => {
      const { left, top, width, height } = element.getBoundingClientRect();
      this.#moveMine((event.clientX - left) / width, (event.clientY - top) / height);
    });
    element.addEventListener("keydown", (event) => {
      const direction = arrows.get(event.key);
      if (direction === undefined) return;
      event.preventDefault();
      const { x, y } = this.#mine ?? { x: SIZE / 2, y: SIZE / 2 };
      const [right = 0, down = 0] = direction;
      this.#moveMine(x / SIZE + right * STEP, y / SIZE + down * STEP);
    });
    setInterval(() => this.#mine && this.#send(this.#mine), REPETITION);
  }

  /**
   * @param {number} me
   * @param {Person[]} people
   */
  begin(me, people) {
    this.end();
    this.#me = me;
    for (const person of people) this.enter(person);
  }

  end() {
    for (const id of [...this.#cursors.keys()]) this.leave(id);
    this.#me = undefined;
    this.#mine = undefined;
  }

  /** @param {Person} person */
  enter({ id, name }) {
    const element = document.createElement("div");
    element.className = "cursor";
    element.dataset["name"] = name;
    element.style.setProperty("--hue", String(hueOf(id)));
    const label = document.createElement("span");
    label.textContent = id === this.#me ? `${name} (you)` : name;
    element.append(label);
    // Until the first position is known.
    element.hidden = true;
    this.#element.append(element);
    this.#cursors.set(id, { element, sequence: -1 });
  }

  /** @param {number} id */
  leave(id) {
    this.#cursors.get(id)?.element.remove();
    this.#cursors.delete(id);
  }

  /** @param {import("./protocol.js").MemberCursor} cursor */
  move({ id, sequence, x, y }) {
    const cursor = this.#cursors.get(id);
    if (cursor === undefined || sequence <= cursor.sequence) return;
    cursor.sequence = sequence;
    cursor.element.hidden = false;
    cursor.element.style.left = `${((100 * x) / SIZE).toFixed(2)}%`;
    cursor.element.style.top = `${((100 * y) / SIZE).toFixed(2)}%`;
  }

  /**
   * Once a frame at most.
   *
   * @param {number} x 0 to 1
   * @param {number} y 0 to 1
   */
  #moveMine(x, y) {
    if (this.#me === undefined) return;
    this.#mine = { x: toCoordinate(x), y: toCoordinate(y) };
    const cursor = this.#cursors.get(this.#me);
    this.move({ id: this.#me, sequence: (cursor?.sequence ?? 0) + 1, ...this.#mine });
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      if (this.#mine !== undefined) this.#send(this.#mine);
    });
  }
}

/**
 * Neighbours' colours are far apart.
 *
 * @param {number} id
 */
export function hueOf(id) {
  return (id * 137) % 360;
}

/** @param {number} part */
function toCoordinate(part) {
  return Math.round(SIZE * Math.min(1, Math.max(0, part)));
}
