import type { Terminal } from "../terminal/terminal.ts";
import { tableLines } from "../terminal/table.ts";
import type { Measurement, Outcome } from "./measurement.ts";

const redrawInterval = 100;
const usualColumns = 80;

export interface BenchRow {
  readonly measurement: Measurement;
  readonly outcome?: Outcome;
  readonly failure?: string;
  readonly isRunning?: boolean;
}

const rightAligned = new Set([1, 2, 3, 4, 5]);

/** The lines of the table: a head, then a row for each measurement. */
export function benchLines(rows: readonly BenchRow[]): string[] {
  const head = ["", "result", "p50", "p90", "p99", "max", ""];
  return tableLines([head, ...rows.map(cellsOf)], rightAligned);
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

/** The table while it grows: on a terminal it is drawn again and again, elsewhere once at the end. */
export class LiveTable {
  readonly #terminal: Terminal;
  readonly #rows: () => readonly BenchRow[];
  readonly #isLive: boolean;
  readonly #ticker: NodeJS.Timeout | undefined;
  #drawn = 0;

  constructor(terminal: Terminal, rows: () => readonly BenchRow[]) {
    this.#terminal = terminal;
    this.#rows = rows;
    this.#isLive = terminal.stdout.isTTY === true;
    if (!this.#isLive) return;
    this.#draw();
    this.#ticker = setInterval(() => {
      this.#draw();
    }, redrawInterval);
  }

  end(): void {
    clearInterval(this.#ticker);
    this.#draw();
  }

  #draw(): void {
    // A terminal that does not know its width says 0.
    const columns = this.#terminal.stdout.columns ?? 0;
    const { bold } = this.#terminal.out;
    const lines = benchLines(this.#rows()).map((line) =>
      this.#isLive ? line.slice(0, (columns === 0 ? usualColumns : columns) - 1) : line,
    );
    const text = lines.map((line, index) => `${index === 0 ? bold(line) : line}${this.#isLive ? "\u001B[K" : ""}\n`);
    // Back to where the table began.
    const up = this.#drawn === 0 ? "" : `\u001B[${this.#drawn}A`;
    this.#terminal.stdout.write(`${up}${text.join("")}`);
    this.#drawn = lines.length;
  }
}
