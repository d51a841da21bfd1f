import { columnsOf } from "../terminal/terminal.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { tableLines } from "../terminal/table.ts";
import type { Measurement, Outcome } from "./measurement.ts";

const redrawInterval = 100;

export interface BenchRow {
  readonly measurement: Measurement;
  readonly outcome?: Outcome;
  readonly failure?: string;
  readonly isRunning?: boolean;
}

const head = ["", "result", "p50", "p90", "p99", "max", ""];
const note = head.length - 1;

/** Columns that a narrow terminal does without: the fewest that suffice. */
const dispensable = [[], ["max"], ["max", "p90"], ["max", "p90", "p99"], ["max", "p90", "p99", "p50"]];

/** The lines of the table: a head, then a row for each measurement. Notes behind a row may be wider than `width`. */
export function benchLines(rows: readonly BenchRow[], width = Infinity): string[] {
  const all = [head, ...rows.map(cellsOf)];
  const fits = (left: readonly string[]): boolean =>
    linesWithout(
      left,
      all.map((row) => row.slice(0, note)),
    ).every((line) => line.length <= width);
  return linesWithout(dispensable.find(fits) ?? dispensable.at(-1) ?? [], all);
}

function linesWithout(left: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const shown = rows.map((row) => row.filter((_, column) => !left.includes(head[column] ?? "")));
  const firstNumbers = Array.from({ length: note - 1 - left.length }, (_, index) => index + 1);
  return tableLines(shown, new Set(firstNumbers));
}

function cellsOf({ measurement, outcome, failure, isRunning = false }: BenchRow): string[] {
  const { title, unit } = measurement;
  if (failure !== undefined) return [title, "failed", "", "", "", "", failure];
  if (outcome === undefined) return [title, isRunning ? "…" : "", "", "", "", "", ""];
  const { latency } = outcome;
  const times =
    latency === undefined ? ["", "", "", ""] : [latency.p50, latency.p90, latency.p99, latency.max].map(timeText);
  return [title, rateText(outcome, unit), ...times, isRunning ? "…" : noteOf(outcome)];
}

function rateText({ count, seconds }: Outcome, unit: Measurement["unit"]): string {
  const rate = seconds > 0 ? count / seconds : 0;
  if (unit === "bytes") return `${((rate * 8) / 1e6).toFixed(rate > 1.25e7 ? 0 : 1)} Mbit/s`;
  return `${rate.toFixed(rate < 100 ? 1 : 0)} /s`;
}

function noteOf({ sent, count }: Outcome): string {
  if (sent === undefined || sent === 0) return "";
  return `${((100 * Math.max(0, sent - count)) / sent).toFixed(1)} % lost`;
}

function timeText(milliseconds: number): string {
  return `${milliseconds.toFixed(milliseconds < 10 ? 2 : 1)} ms`;
}

/** The table while it grows: on a terminal that has room for it, it is drawn again and again, elsewhere once at the end. */
export class LiveTable {
  readonly #terminal: Terminal;
  readonly #rows: () => readonly BenchRow[];
  readonly #ticker: NodeJS.Timeout | undefined;
  #isLive = true;
  #drawn = 0;

  constructor(terminal: Terminal, rows: () => readonly BenchRow[]) {
    this.#terminal = terminal;
    this.#rows = rows;
    if (!this.isLive) return;
    this.#draw();
    this.#ticker = setInterval(() => {
      if (this.isLive) this.#draw();
    }, redrawInterval);
  }

  /** The cursor cannot move up to lines that have left the screen: the table and the line below it must fit, all the time. */
  get isLive(): boolean {
    const { isTTY, rows = 0 } = this.#terminal.stdout;
    this.#isLive &&= isTTY === true && (rows === 0 || rows > this.#rows().length + 1);
    return this.#isLive;
  }

  /** Draws it as it is now, with what was cut off. */
  end(): void {
    clearInterval(this.#ticker);
    this.#draw(true);
  }

  #draw(isLast = false): void {
    const { stdout } = this.#terminal;
    const { bold } = this.#terminal.out;
    const isTerminal = stdout.isTTY === true;
    const width = isTerminal ? columnsOf(stdout) - 1 : Infinity;
    const lines = benchLines(this.#rows(), width);
    // A line that wraps would take two: it is cut as long as it may have to be drawn again.
    const shown = isLast ? lines : lines.map((line) => line.slice(0, width));
    const clear = isTerminal ? "\u001B[K" : "";
    const text = shown.map((line, index) => `${index === 0 ? bold(line) : line}${clear}\n`);
    // Back to where the table began; one that the terminal has become too low for is written anew.
    const up = this.#drawn > 0 && this.isLive ? `\u001B[${this.#drawn}A` : "";
    stdout.write(`${up}${text.join("")}`);
    this.#drawn = lines.length;
  }
}
