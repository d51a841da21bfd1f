import type { Command, CommandEntry } from "./command.ts";
import { commandNames } from "./command-names.ts";
import type { OptionSpecification } from "./option-specification.ts";
import type { Style } from "./terminal/style.ts";
import { wrap } from "./terminal/wrap.ts";

export const programName = "tswebtransport";

/** Characters of the help's lines at most, on wide terminals and in files. */
const widest = 96;
/** On a narrower terminal the lines wrap as it wraps them. */
const narrowest = 50;

export const helpOption: OptionSpecification = { type: "boolean", short: "h", help: "this text" };

/** What the program can do. */
export function programHelp(
  commands: Readonly<Record<string, CommandEntry>>,
  style: Style,
  terminalWidth?: number,
): string {
  const width = widthFor(terminalWidth);
  const rows = commandNames(commands).map((name) => [name, commands[name]?.summary ?? ""] as const);
  return [
    "WebTransport over HTTP/3 for Node: servers, clients and tools.",
    "",
    `${style.bold("Usage:")} ${programName} COMMAND [options]`,
    "",
    style.bold("Commands:"),
    ...columns(rows, width, style.cyan),
    "",
    style.bold("Options:"),
    ...columns(
      [
        ["-h, --help", "this text; behind a command, that command's"],
        ["-v, --version", "the version"],
      ],
      width,
    ),
    "",
    style.bold("Examples:"),
    ...columns(
      [
        [`npx ${programName} dev`, "a server and a page to try WebTransport in a browser"],
        [`npx ${programName} doctor`, "check this machine"],
        [`npx ${programName} connect --help`, "how to talk to a server"],
      ],
      width,
      style.cyan,
    ),
    "",
    ...wrap("Exit codes: 0 success, 1 failure, 2 wrong usage, 130 interrupted.", width),
  ].join("\n");
}

/** How a command is used. */
export function commandHelp(name: string, command: Command, style: Style, terminalWidth?: number): string {
  const width = widthFor(terminalWidth);
  const options = Object.entries({ ...command.options, help: helpOption });
  return [
    `${style.bold("Usage:")} ${programName} ${name} ${command.usage}`,
    "",
    ...wrap(command.description, width),
    "",
    style.bold("Options:"),
    ...columns(
      options.map(([option, specification]) => [optionText(option, specification), specification.help]),
      width,
    ),
    "",
    style.bold("Examples:"),
    ...command.examples.flatMap(([args, meaning]) => [
      `  ${style.dim(`# ${meaning}`)}`,
      `  ${style.cyan(`${programName} ${name}${args === "" ? "" : ` ${args}`}`)}`,
    ]),
  ].join("\n");
}

function optionText(name: string, { short, type, value = "VALUE" }: OptionSpecification): string {
  const names = short === undefined ? `    --${name}` : `-${short}, --${name}`;
  return type === "string" ? `${names} ${value}` : names;
}

function widthFor(terminalWidth = widest): number {
  return Math.max(narrowest, Math.min(widest, terminalWidth));
}

function columns(
  rows: readonly (readonly [string, string])[],
  width: number,
  paint: (text: string) => string = same,
): string[] {
  const left = rows.reduce((widest, [text]) => Math.max(widest, text.length), 0) + 2;
  return rows.flatMap(([text, meaning]) =>
    wrap(meaning, width - left - 2).map((line, index) =>
      index === 0 ? `  ${paint(text)}${" ".repeat(left - text.length)}${line}` : `  ${" ".repeat(left)}${line}`,
    ),
  );
}

function same(text: string): string {
  return text;
}
