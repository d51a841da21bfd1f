import type { Arguments, PositionalsShape } from "./arguments.ts";
import type { Interruption } from "./interruption.ts";
import type { OptionSpecification } from "./option-specification.ts";
import type { Terminal } from "./terminal/terminal.ts";

/** Where a command writes, and how it learns that it should end. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly interruption: Interruption;
  /**
   * Set by a command that has run an app: when the command is done, the process ends, whatever timers and sockets of its own
   * the app has left, as a cluster's worker does.
   */
  hasApp: boolean;
}

/** What a command is, for the parser, the help and the program that runs it. */
export interface Command {
  /** Behind the command's name: "[app.ts] [options]". */
  readonly usage: string;
  /** A few sentences. */
  readonly description: string;
  readonly positionals: PositionalsShape;
  readonly options: Readonly<Record<string, OptionSpecification>>;
  /** Behind the command's name, and what it does. */
  readonly examples: readonly (readonly [args: string, meaning: string])[];
  /** Resolves with the exit code: 0 ok, 1 failure. Throws UsageError. */
  run(args: Arguments, context: CommandContext): Promise<number>;
}

/** A command as the table has it: loaded when it is asked for. */
export interface CommandEntry {
  readonly summary: string;
  /** Left out of the help. */
  readonly hidden?: true;
  load(): Promise<Command>;
}
