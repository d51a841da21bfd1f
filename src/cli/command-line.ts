/** The program: finds the command, gives it its arguments, and turns what it throws into a message and an exit code. */
import { createRequire } from "node:module";
import { setImmediate } from "node:timers/promises";

import { nearestName } from "../base/nearest-name.ts";
import { EngineError } from "../engine/engine.ts";
import { WebTransportError } from "../errors/errors.ts";

import { Arguments } from "./arguments.ts";
import { commandNames } from "./command-names.ts";
import type { CommandContext } from "./command.ts";
import { commands } from "./commands.ts";
import { commandHelp, helpOption, programHelp, programName } from "./help.ts";
import { HintedError } from "./hinted-error.ts";
import { Interruption, interruptedCode } from "./interruption.ts";
import { Terminal } from "./terminal/terminal.ts";
import { UsageError } from "./usage-error.ts";

/** Resolves with the exit code: 0 ok, 1 failure, 2 wrong usage, 130 interrupted. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  const terminal = Terminal.ofProcess();
  const context: CommandContext = { terminal, interruption: new Interruption(), hasApp: false };
  const code = await codeOf(args, context);
  if (terminal.lostCode === undefined && !context.hasApp) return code;
  // Sessions and servers are closed; their last packets leave at the end of the turn.
  await setImmediate();
  // Where the output is lost, whatever goes on printing would go on failing.
  return process.exit(terminal.lostCode ?? code);
}

async function codeOf(args: readonly string[], context: CommandContext): Promise<number> {
  const { terminal } = context;
  const [first = "", ...rest] = args;
  try {
    if (["help", "--help", "-h"].includes(first)) {
      const [name, ...others] = rest.filter((argument) => !["--help", "-h"].includes(argument));
      refuseOthers(others);
      if (name !== undefined) return await runCommand(name, ["--help"], context);
      terminal.print(programHelp(commands, terminal.out, terminal.stdout.columns));
      return 0;
    }
    if (["version", "--version", "-v"].includes(first)) {
      refuseOthers(rest);
      terminal.print(version());
      return 0;
    }
    if (args.length === 0) {
      terminal.note(programHelp(commands, terminal.err, terminal.stderr.columns));
      return 2;
    }
    return await runCommand(first, rest, context);
  } catch (error) {
    return report(error, first, terminal);
  }
}

async function runCommand(name: string, args: readonly string[], context: CommandContext): Promise<number> {
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) throw unknownCommand(name);
  const command = await entry.load();
  if (isHelpAsked(args)) {
    const { terminal } = context;
    terminal.print(commandHelp(name, command, terminal.out, terminal.stdout.columns));
    return 0;
  }
  const parsed = new Arguments(args, command);
  context.interruption.listen();
  try {
    return await command.run(parsed, context);
  } catch (error) {
    // What the command was doing ends with the signal's reason.
    if (context.interruption.isInterrupted && error === context.interruption.signal.reason) return interruptedCode;
    throw error;
  } finally {
    context.interruption.stopListening();
  }
}

function refuseOthers([first]: readonly string[]): void {
  if (first !== undefined) throw new UsageError(`Unexpected argument "${first}".`);
}

/** Help comes before any check: a user who asks for it does not know the options yet. */
function isHelpAsked(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  const options = end < 0 ? args : args.slice(0, end);
  return options.includes("--help") || options.includes(`-${helpOption.short ?? ""}`);
}

function unknownCommand(name: string): UsageError {
  const what = name.startsWith("-") ? "option" : "command";
  const nearest = nearestName(name.replace(/^-+/, ""), [...commandNames(commands), "help", "version"]);
  const shown = what === "option" && nearest !== undefined ? `--${nearest}` : nearest;
  return new UsageError(
    `Unknown ${what} ${name === "" ? '""' : name}.${shown === undefined ? "" : ` Did you mean ${shown}?`}`,
  );
}

function report(error: unknown, command: string, terminal: Terminal): number {
  const { red, bold } = terminal.err;
  if (error instanceof UsageError) {
    const isCommand = Object.hasOwn(commands, command);
    terminal.note(`${red(bold("Error:"))} ${error.message}`);
    terminal.note(`Try: ${programName} ${isCommand ? `${command} ` : ""}--help`);
    return 2;
  }
  if (error instanceof HintedError) {
    const code = report(error.cause, command, terminal);
    terminal.note(error.hint);
    return code;
  }
  // Of several workers: most often each fails alike.
  if (error instanceof AggregateError && error.errors.every((each) => each instanceof WebTransportError)) {
    for (const text of new Set(error.errors.map((each: WebTransportError) => textOf(each)))) {
      terminal.note(`${red(bold("Error:"))} ${text}`);
    }
    return 1;
  }
  // What the user can mend is one line, or two.
  if (error instanceof WebTransportError || isSystemError(error)) {
    terminal.note(`${red(bold("Error:"))} ${error.message}`);
    return 1;
  }
  // A fault of ours, or of the app that was loaded: Node shows the place, also that of a syntax error.
  throw error;
}

/** With the place in the app's code where a worker has thrown something that is no error of this package or the system. */
function textOf({ message, cause }: WebTransportError): string {
  if (!(cause instanceof Error) || cause instanceof EngineError || "syscall" in cause) return message;
  const isOurs = "code" in cause && String(cause.code).startsWith("ERR_WT_");
  return isOurs ? message : `${message}\n${cause.stack ?? ""}`;
}

/** Of the operating system: a file that is not there, a port that is in use. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && "syscall" in error;
}

/** By its own name, so that it is found wherever the file stands in the package. */
function version(): string {
  const { version: text } = createRequire(import.meta.url)("tswebtransport/package.json") as { version: string };
  return text;
}
