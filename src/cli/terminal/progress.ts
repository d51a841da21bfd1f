import { columnsOf } from "./terminal.ts";
import type { Terminal } from "./terminal.ts";

/** Milliseconds after which something is long enough to be told. */
const patience = 1000;

const frameInterval = 100;
const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/**
 * Runs `work`, and tells on standard error what goes on when it takes longer than a second: on a terminal in one line that
 * moves and then goes away, elsewhere in a line that stays.
 */
export async function withProgress<T>(terminal: Terminal, text: string, work: () => Promise<T>): Promise<T> {
  const line = new ProgressLine(terminal, text);
  try {
    return await work();
  } finally {
    line.end();
  }
}

class ProgressLine {
  readonly #terminal: Terminal;
  readonly #text: string;
  readonly #started = performance.now();
  readonly #patience: NodeJS.Timeout;
  #ticker: NodeJS.Timeout | undefined;

  constructor(terminal: Terminal, text: string) {
    this.#terminal = terminal;
    this.#text = text;
    this.#patience = setTimeout(() => {
      this.#begin();
    }, patience);
    this.#patience.unref();
  }

  end(): void {
    clearTimeout(this.#patience);
    if (this.#ticker === undefined) return;
    clearInterval(this.#ticker);
    this.#terminal.stderr.write("\r\u001B[K");
  }

  #begin(): void {
    if (this.#terminal.stderr.isTTY !== true) {
      this.#terminal.note(`${this.#text} …`);
      return;
    }
    this.#draw();
    this.#ticker = setInterval(() => {
      this.#draw();
    }, frameInterval);
    this.#ticker.unref();
  }

  #draw(): void {
    const elapsed = performance.now() - this.#started;
    const frame = frames[Math.floor(elapsed / frameInterval) % frames.length] ?? "";
    const seconds = `${Math.floor(elapsed / 1000)} s`;
    const { cyan, dim } = this.#terminal.err;
    // What wraps into a second line could not be drawn again in its place.
    const room = columnsOf(this.#terminal.stderr) - frame.length - seconds.length - 3;
    const text = this.#text.length > room ? `${this.#text.slice(0, Math.max(0, room - 1))}…` : this.#text;
    this.#terminal.stderr.write(`\r\u001B[K${cyan(frame)} ${text} ${dim(seconds)}`);
  }
}
