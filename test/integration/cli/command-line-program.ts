/** The real program, as a user runs it. */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

import { Program } from "../../support/program.ts";

export const main = fileURLToPath(new URL("../../../dist/cli/main.js", import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs the program to its end. */
export async function run(args: readonly string[], { input = "", cwd, env = {} }: RunOptions = {}): Promise<Finished> {
  const child = spawn(process.execPath, [main, ...args], { cwd, env: { ...process.env, ...env } });
  child.stdin.on("error", () => {
    // It may end without reading everything.
  });
  child.stdin.end(input);
  const exit = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { code, stdout, stderr };
}

/** `tswebtransport echo` on a free port. */
export class EchoProgram {
  readonly program: Program;
  readonly url: string;
  readonly sha256: string;

  private constructor(program: Program, url: string, sha256: string) {
    this.program = program;
    this.url = url;
    this.sha256 = sha256;
  }

  static async start(): Promise<EchoProgram> {
    const program = new Program([main, "echo", "--port", "0", "--json", "--quiet"]);
    const [line] = await program.match(/^\{.*\}$/);
    const { url, sha256 } = JSON.parse(line) as { url: string; sha256: string };
    return new EchoProgram(program, url, sha256);
  }

  /** The options by which a command reaches it. */
  get target(): readonly string[] {
    return [this.url, "--hash", this.sha256];
  }
}

/** A folder that is deleted at the end. */
export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "tswebtransport-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
