import type { Arguments } from "./arguments.ts";
import { clientOptions, clientOptionsOf, urlOf } from "./client-options.ts";
import type { Command, CommandContext } from "./command.ts";
import { certificateChecks } from "./doctor/certificate-checks.ts";
import { problemOf } from "./doctor/finding.ts";
import type { Check, Finding, Severity } from "./doctor/finding.ts";
import { machineChecks } from "./doctor/machine-checks.ts";
import { serverChecks } from "./doctor/server-checks.ts";
import { socketChecks } from "./doctor/socket-checks.ts";
import { interruptedCode } from "./interruption.ts";
import { withProgress } from "./terminal/progress.ts";
import type { StyleName } from "./terminal/style.ts";
import type { Terminal } from "./terminal/terminal.ts";

const developmentPort = 4433;

export const doctorCommand: Command = {
  usage: "[URL] [options]",
  description:
    "Looks at what most often goes wrong, and says what to do: Node and the addon, the clock, UDP buffers, the port, an echo " +
    "on this machine, a certificate (--cert), and with a URL that server, as a client sees it. Exits with 1 when it finds a " +
    "problem. With a URL --cert and --key are the client's.",
  positionals: { least: 0, most: 1 },
  options: {
    port: { type: "string", short: "p", value: "PORT", help: "the UDP port that a server shall have (default 4433)" },
    json: { type: "boolean", help: "print the findings as JSON, for a bug report or a script" },
    ...clientOptions,
  },
  examples: [
    ["", "this machine"],
    ["--port 443 --cert fullchain.pem --key privkey.pem", "before a server starts"],
    ["https://example.com/echo --origin https://app.example", "a server, asked as a page would"],
    ["--json", "for a bug report"],
  ],
  run,
};

async function run(args: Arguments, context: CommandContext): Promise<number> {
  const { terminal, interruption } = context;
  const checks = await checksOf(args, interruption.signal);
  const isJson = args.flag("json");
  const findings: Finding[] = [];
  for (const check of checks) {
    const found = await withProgress(terminal, `Checking ${check.title}`, () => findingsOf(check));
    // What it was waiting for has been taken back: that says nothing about the server.
    if (interruption.isInterrupted) return interruptedCode;
    for (const finding of found) {
      findings.push(finding);
      if (!isJson) show(finding, terminal);
    }
  }
  const count = (severity: Severity): number => findings.filter((finding) => finding.severity === severity).length;
  if (isJson) terminal.printJson({ ok: count("problem") === 0, findings });
  else terminal.print(`\n${summary(count("problem"), count("warning"), terminal)}`);
  return count("problem") === 0 ? 0 : 1;
}

async function checksOf(args: Arguments, signal: AbortSignal): Promise<readonly Check[]> {
  const [given] = args.positionals;
  if (given !== undefined) {
    return [...machineChecks, ...serverChecks(urlOf(given), await clientOptionsOf(args), signal)];
  }
  const [cert, port] = [args.text("cert"), args.port("port")];
  return [
    ...machineChecks,
    ...socketChecks({ port: port ?? developmentPort, isGiven: port !== undefined }),
    ...(cert === undefined ? [] : certificateChecks(cert, args.text("key"))),
  ];
}

async function findingsOf(check: Check): Promise<readonly Finding[]> {
  try {
    return await check.run();
  } catch (error) {
    return [problemOf(check.id, error)];
  }
}

const labels: Readonly<Record<Severity, readonly [text: string, style: StyleName]>> = {
  ok: ["ok     ", "green"],
  note: ["note   ", "cyan"],
  warning: ["warning", "yellow"],
  problem: ["problem", "red"],
};

function show({ severity, text, remedy }: Finding, terminal: Terminal): void {
  const [label, style] = labels[severity];
  terminal.print(`${terminal.out[style](label)}  ${text}`);
  if (remedy !== undefined) terminal.print(`         ${terminal.out.dim("→")} ${remedy}`);
}

function summary(problems: number, warnings: number, { out }: Terminal): string {
  const counted = (number: number, what: string): string => `${number} ${what}${number === 1 ? "" : "s"}`;
  if (problems > 0) return out.red(`${counted(problems, "problem")}, ${counted(warnings, "warning")}.`);
  return warnings > 0 ? out.yellow(`No problem, ${counted(warnings, "warning")}.`) : out.green("All is well.");
}
