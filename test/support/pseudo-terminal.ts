/** A program in a pseudo terminal, which `script` makes: it sees a terminal, and what is typed passes the terminal's own rules. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/** What the key sends; the terminal makes SIGINT of it unless the program reads keys itself. */
export const controlC = "\u0003";

export class PseudoTerminal {
  readonly #child: ChildProcess;
  readonly #exit: Promise<number | null>;
  #output = "";
  #wake = (): void => {};

  constructor(
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    { columns = 100, rows = 30 } = {},
  ) {
    const command = [process.execPath, ...args];
    const scriptArgs =
      process.platform === "darwin"
        ? ["-q", "/dev/null", ...command]
        : ["-qefc", `stty cols ${columns} rows ${rows}; exec ${command.map(quoted).join(" ")}`, "/dev/null"];
    this.#child = spawn("script", scriptArgs, {
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...plainEnvironment(), TERM: "xterm-256color", ...environment },
    });
    this.#exit = once(this.#child, "exit").then(([code]: unknown[]) => (typeof code === "number" ? code : null));
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#output += text;
      this.#wake();
    });
    void this.#exit.then(() => {
      this.#wake();
    });
  }

  /** Everything that the terminal was sent. */
  get output(): string {
    return this.#output;
  }

  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Waits until the terminal has been sent something that matches. */
  async shows(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#output);
      if (match !== null) return match;
      if (this.#child.exitCode !== null)
        throw new Error(`The program ended before ${String(pattern)}:\n${this.#output}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The program's exit code. */
  get ended(): Promise<number | null> {
    return this.#exit;
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode === null) this.#child.kill("SIGKILL");
    await this.#exit;
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** Without what forces colours or takes them away. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const names = new Set(["NO_COLOR", "FORCE_COLOR", "CI"]);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !names.has(name)));
}
