import { describe, expect, it } from "vitest";

import { Arguments } from "../../../src/cli/arguments.ts";
import { commandNames } from "../../../src/cli/command-names.ts";
import { commands } from "../../../src/cli/commands.ts";
import { commandHelp, programHelp } from "../../../src/cli/help.ts";
import { styleOf } from "../../../src/cli/terminal/style.ts";

const plain = styleOf(false);

describe("the help", () => {
  it("lists every command but the hidden ones", () => {
    const help = programHelp(commands, plain);
    expect(commandNames(commands)).toEqual(["dev", "serve", "echo", "cert", "connect", "bench", "doctor"]);
    for (const name of commandNames(commands)) expect(help).toMatch(new RegExp(`^  ${name} +\\S`, "m"));
    expect(help).not.toContain("dev-worker");
  });

  it.each(Object.keys(commands))(
    "of %s names each option, fits 100 columns, and has examples that parse",
    async (name) => {
      const command = await commands[name]!.load();
      const help = commandHelp(name, command, plain);
      for (const option of Object.keys(command.options)) expect(help).toContain(`--${option}`);
      for (const line of help.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
      expect(command.examples.length).toBeGreaterThan(0);
      for (const [example] of command.examples) expect(() => new Arguments(wordsOf(example), command)).not.toThrow();
    },
  );

  it("wraps to a narrow terminal, behind the options' column", async () => {
    for (const name of commandNames(commands)) {
      const command = await commands[name]!.load();
      const [options = ""] = /Options:[^]*(?=\n\nExamples:)/.exec(commandHelp(name, command, plain, 60)) ?? [];
      for (const line of options.split("\n")) expect(line.length).toBeLessThanOrEqual(60);
      expect(commandHelp(name, command, plain, 300)).toBe(commandHelp(name, command, plain));
    }
  });

  it("has colours when they are asked for", () => {
    expect(programHelp(commands, styleOf(true))).toContain("\u001B[1mUsage:\u001B[22m");
    expect(programHelp(commands, plain)).not.toContain("\u001B");
  });
});

/** As a shell cuts it: quotes keep words together, < and > lead files. */
function wordsOf(text: string): string[] {
  const words = text.match(/"[^"]*"|\S+/g) ?? [];
  const end = words.findIndex((word) => word === "<" || word === ">");
  return (end < 0 ? words : words.slice(0, end)).map((word) => word.replaceAll('"', ""));
}
