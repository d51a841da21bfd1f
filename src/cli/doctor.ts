import type { Arguments } from "./arguments.ts";
import { clientOptions, clientOptionsOf, requireNoClientOptions, urlOf } from "./client-options.ts";
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
import { columnsOf } from "./terminal/terminal.ts";
import type { Terminal } from "./terminal/terminal.ts";
import { wrap } from "./terminal/wrap.ts";
import { UsageError } from "./usage-error.ts";

const developmentPort = 4433;

/** Characters that a finding's lines have at least. */
const narrowest = 20;

export const doctorCommand: Command = {
  usage: "[URL] [options]",
  description:
    "Looks at what most often goes wrong, and says what to do: Node and the addon, the clock, UDP buffers, the port, an echo " +
    "on this machine, a certificate (--cert), and with a URL that server, as a client sees it. Exits with 1 when it finds a " +
    "problem. With a URL --cert and --key are the client's.",
  positionals: { least: 0, most: 1, name: "URL" },
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
    if (args.flag("port")) throw new UsageError("--port is for this machine's own port; a URL has its own");
    return [...machineChecks, ...serverChecks(urlOf(given), await clientOptionsOf(args), signal)];
  }
  // Here they are a server's.
  requireNoClientOptions(args, ["cert", "key"]);
  args.requireBeside("key", "cert");
  const [cert, key, port] = [args.text("cert"), args.text("key"), args.port("port")];
  return [
    ...machineChecks,
    ...socketChecks({ port: port ?? developmentPort, isGiven: port !== undefined }),
    ...(cert === undefined ? [] : certificateChecks(cert, key)),
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
  const { out } = terminal;
  terminal.print(`${out[style](label)}  ${hanging(text, label.length + 2, terminal)}`);
  if (remedy === undefined) return;
  const blanks = " ".repeat(label.length + 2);
  terminal.print(`${blanks}${out.dim("→")} ${hanging(remedy, blanks.length + 2, terminal)}`);
}

/** On a terminal it wraps between words, and each line begins where the first one does; a script gets one line. */
function hanging(text: string, indent: number, { stdout }: Terminal): string {
  if (stdout.isTTY !== true) return text;
  return wrap(text, Math.max(narrowest, columnsOf(stdout) - indent)).join(`\n${" ".repeat(indent)}`);
}

function summary(problems: number, warnings: number, { out }: Terminal): string {
  const counted = (number: number, what: string): string => `${number} ${what}${number === 1 ? "" : "s"}`;
  if (problems > 0) return out.red(`${counted(problems, "problem")}, ${counted(warnings, "warning")}.`);
  return warnings > 0 ? out.yellow(`No problem, ${counted(warnings, "warning")}.`) : out.green("All is well.");
}
