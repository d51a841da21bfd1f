import { writeSync } from "node:fs";

import { escapeControls } from "../../base/escape-controls.ts";

import { isColoured, styleOf } from "./style.ts";
import type { Style } from "./style.ts";

/** What of a stream is used here: a process's own, or a test's. */
export interface TextOutput {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string | Uint8Array): unknown;
}

/** Where a command writes: results to standard output, everything else to standard error. */
export class Terminal {
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  /** Of what is printed. */
  readonly out: Style;
  /** Of notes. */
  readonly err: Style;

  constructor(stdout: TextOutput, stderr: TextOutput, environment: Readonly<Record<string, string | undefined>>) {
    this.stdout = stdout;
    this.stderr = stderr;
    this.out = styleOf(isColoured(stdout.isTTY === true, environment));
    this.err = styleOf(isColoured(stderr.isTTY === true, environment));
  }

  /**
   * The process's. When nobody reads standard output any more (`| head`), the process ends without a word; when what it
   * prints cannot be written (a disk is full), it says so and ends with 1.
   */
  static ofProcess(): Terminal {
    for (const stream of [process.stdout, process.stderr]) {
      stream.on("error", (error: NodeJS.ErrnoException) => {
        if (error.code !== "EPIPE") sayUnwritable(error);
        process.exit(error.code === "EPIPE" ? 0 : 1);
      });
    }
    return new Terminal(process.stdout, process.stderr, process.env);
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
