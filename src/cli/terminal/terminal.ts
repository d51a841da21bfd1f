import { writeSync } from "node:fs";

import { escapeControls } from "../../base/escape-controls.ts";

import { isColoured, styleOf } from "./style.ts";
import type { Style } from "./style.ts";

/** What of a stream is used here: a process's own, or a test's. */
export interface TextOutput {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  write(text: string | Uint8Array): unknown;
}

const usualColumns = 80;

/** A terminal that does not know its width says 0. */
export function columnsOf({ columns = 0 }: TextOutput): number {
  return columns === 0 ? usualColumns : columns;
}

/** Where a command writes: results to standard output, everything else to standard error. */
export class Terminal {
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  /** Of what is printed. */
  readonly out: Style;
  /** Of notes. */
  readonly err: Style;
  #lostCode: number | undefined;

  constructor(stdout: TextOutput, stderr: TextOutput, environment: Readonly<Record<string, string | undefined>>) {
    this.stdout = stdout;
    this.stderr = stderr;
    this.out = styleOf(isColoured(stdout.isTTY === true, environment));
    this.err = styleOf(isColoured(stderr.isTTY === true, environment));
  }

  /**
   * The process's. When nobody reads its output any more (`| head`), the command ends as SIGTERM ends it, without a word;
   * when what it prints cannot be written (a disk is full), it says so, too.
   */
  static ofProcess(): Terminal {
    const terminal = new Terminal(process.stdout, process.stderr, process.env);
    for (const stream of [process.stdout, process.stderr]) {
      stream.on("error", (error: NodeJS.ErrnoException) => {
        terminal.#lose(error);
      });
    }
    return terminal;
  }

  /** The exit code of a program whose output was lost: 0 when nobody wanted the rest. Undefined while all could be written. */
  get lostCode(): number | undefined {
    return this.#lostCode;
  }

  #lose(error: NodeJS.ErrnoException): void {
    // Whatever is written after it fails alike.
    if (this.#lostCode !== undefined) return;
    const isUnwanted = error.code === "EPIPE";
    this.#lostCode = isUnwanted ? 0 : 1;
    if (!isUnwanted) sayUnwritable(error);
    // Whoever answers the signal closes sessions and servers: peers get to know of the end.
    if (!process.emit("SIGTERM", "SIGTERM")) process.exit(this.#lostCode);
  }

  /** A line of the result. */
  print(text: string): void {
    this.stdout.write(`${text}\n`);
  }

  /** A line about what happens. */
  note(text: string): void {
    this.stderr.write(`${text}\n`);
  }

  printJson(value: unknown): void {
    this.print(JSON.stringify(value, undefined, 2));
  }

  /** What a peer has sent: a terminal gets no control characters of it besides ends of lines and tabs. */
  shown(text: string): string {
    return this.stdout.isTTY === true ? text.replaceAll(/[^\n\t]+/g, escapeControls) : text;
  }
}

/** To standard error itself: a stream of it may be what has failed. */
function sayUnwritable(error: Error): void {
  try {
    writeSync(process.stderr.fd, `Error: Cannot write the output: ${error.message}\n`);
  } catch {
    // Nobody can be told.
  }
}
