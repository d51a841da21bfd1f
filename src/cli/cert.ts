import { randomUUID } from "node:crypto";
import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { hostnamesOf } from "../certificates/hostnames.ts";
import { generateCertificateAuthority, issueCertificate } from "../certificates/own-authority.ts";
import type { CertificateAuthority } from "../certificates/own-authority.ts";
import { generateSelfSignedCertificate } from "../certificates/self-signed.ts";
import type { SelfSignedCertificate } from "../certificates/self-signed.ts";
import { ConfigurationError } from "../errors/errors.ts";

import type { Arguments } from "./arguments.ts";
import type { Command, CommandContext } from "./command.ts";
import { makeFolder } from "./folders.ts";
import type { Terminal } from "./terminal/terminal.ts";
import { UsageError } from "./usage-error.ts";

/** Browsers accept a certificate by its hash for 14 days at most. */
const hashedDays = { usual: 13, most: 14 };
const issuedDays = 365;

const defaultHosts = ["localhost", "127.0.0.1", "::1"];

export const certCommand: Command = {
  usage: "[--host NAME]… [--days N] [--out DIRECTORY] [--ca] [options]",
  description:
    "Makes an ECDSA P-256 certificate for development: cert.pem and key.pem, with the SHA-256 hash by which browsers accept " +
    "it (serverCertificateHashes). With --ca it makes an authority of your own (ca.pem, ca-key.pem) unless the directory " +
    "has one, and a certificate that this authority has issued. Files that exist are kept, unless --force is given.",
  positionals: { least: 0, most: 0 },
  options: {
    host: {
      type: "string",
      multiple: true,
      value: "NAME",
      help: "name or IP address (default localhost and loopback)",
    },
    days: { type: "string", value: "N", help: "validity (default 13, the most for browsers 14; with --ca 365)" },
    out: { type: "string", short: "o", value: "DIR", help: "directory of the files (default: this one)" },
    ca: { type: "boolean", help: "an authority of your own, and a certificate that it has issued" },
    stdout: { type: "boolean", help: "print certificate and key instead of writing files" },
    force: { type: "boolean", short: "f", help: "overwrite cert.pem and key.pem (an authority is always kept)" },
    json: { type: "boolean", help: "print the result as JSON" },
  },
  examples: [
    ["", "cert.pem and key.pem for localhost, and their hash"],
    ["--host dev.example --host 192.0.2.7 --out certs", "for other names, in a directory"],
    ["--ca --host dev.example", "an authority that your team can trust, and a certificate of it"],
    ["--json --stdout", "everything for a script"],
  ],
  run,
};

async function run(args: Arguments, { terminal }: CommandContext): Promise<number> {
  const hosts = hostsOf(args);
  const isIssued = args.flag("ca");
  const directory = args.text("out") ?? ".";
  if (args.flag("stdout") && args.flag("out")) throw new UsageError("--stdout and --out exclude each other");
  const days = args.integer("days", { least: 1, most: 3650 }) ?? (isIssued ? issuedDays : hashedDays.usual);
  const files = filesIn(directory);
  if (!args.flag("stdout")) {
    await makeFolder("--out", directory);
    if (!args.flag("force")) await requireAbsent([files.cert, files.key]);
  }
  const authority = isIssued ? await authorityOf(args, files) : undefined;
  const made =
    authority === undefined
      ? await generateSelfSignedCertificate({ hostname: hosts, days })
      : await issueCertificate(authority.pair, { hostname: hosts, days });
  if (!args.flag("stdout")) await writePair(files.cert, files.key, made);
  const result: Result = { made, hosts, days, authority, files: args.flag("stdout") ? undefined : files };
  if (args.flag("json")) terminal.printJson(jsonOf(result));
  else if (args.flag("stdout")) printPem(result, terminal);
  else describe(result, terminal);
  return 0;
}

function hostsOf(args: Arguments): readonly string[] {
  const given = args.list("host");
  if (given.length === 0) return defaultHosts;
  try {
    return hostnamesOf(given);
  } catch (error) {
    throw error instanceof ConfigurationError ? new UsageError(`--host: ${error.message}`) : error;
  }
}

interface Files {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  readonly caKey: string;
}

interface Result {
  readonly made: SelfSignedCertificate;
  readonly hosts: readonly string[];
  readonly days: number;
  readonly authority: { readonly pair: CertificateAuthority; readonly isNew: boolean } | undefined;
  readonly files: Files | undefined;
}

function filesIn(directory: string): Files {
  const [cert = "", key = "", ca = "", caKey = ""] = ["cert.pem", "key.pem", "ca.pem", "ca-key.pem"].map((name) =>
    join(directory, name),
  );
  return { cert, key, ca, caKey };
}

async function requireAbsent(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    if (await exists(path)) throw new UsageError(`${path} exists. Overwrite it with --force, or choose another --out`);
  }
}

/** The directory's, or a new one, which is written there. */
async function authorityOf(args: Arguments, files: Files): Promise<{ pair: CertificateAuthority; isNew: boolean }> {
  const isKept = !args.flag("stdout");
  if (isKept) {
    const present = await Promise.all([exists(files.ca), exists(files.caKey)]);
    if (present[0] && present[1]) {
      return {
        pair: { cert: await readFile(files.ca, "utf8"), key: await readFile(files.caKey, "utf8") },
        isNew: false,
      };
    }
    if (present[0] || present[1]) {
      const [here, missing] = present[0] ? [files.ca, files.caKey] : [files.caKey, files.ca];
      throw new UsageError(`${here} is there, but ${missing} is not: put it beside, or move ${here} away`);
    }
  }
  const pair = await generateCertificateAuthority();
  if (isKept) await writePair(files.ca, files.caKey, pair);
  return { pair, isNew: true };
}

/** Keys are for their owner alone. Each file comes into place as a whole. */
async function writePair(certPath: string, keyPath: string, pair: CertificateAuthority): Promise<void> {
  for (const [path, text, mode] of [
    [keyPath, pair.key, 0o600],
    [certPath, pair.cert, 0o644],
  ] as const) {
    const fresh = `${path}.${randomUUID()}`;
    try {
      await writeFile(fresh, text, { mode, flag: "wx" });
      await rename(fresh, path);
    } catch (error) {
      await rm(fresh, { force: true });
      throw error;
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function hex({ certificateHash }: SelfSignedCertificate): string {
  return Buffer.from(certificateHash.value).toString("hex");
}

function jsonOf({ made, hosts, days, authority, files }: Result): object {
  const where =
    files === undefined
      ? { cert: made.cert, key: made.key, ...(authority && { ca: authority.pair.cert, caKey: authority.pair.key }) }
      : { certfile: files.cert, keyfile: files.key, ...(authority && { cafile: files.ca, cakeyfile: files.caKey }) };
  return { hosts, days, sha256: hex(made), ...where };
}

function printPem({ made, authority }: Result, terminal: Terminal): void {
  for (const text of [made.cert, made.key, authority?.pair.cert ?? "", authority?.pair.key ?? ""]) {
    if (text !== "") terminal.print(text.trimEnd());
  }
  terminal.note(`SHA-256: ${hex(made)}`);
}

function describe(result: Result, terminal: Terminal): void {
  const { made, hosts, days, authority, files } = result;
  const { bold, cyan, dim } = terminal.out;
  if (files === undefined) return;
  terminal.print(`${bold("Certificate:")}  ${files.cert}  ${dim(`${hosts.join(", ")}; ${days} days`)}`);
  terminal.print(`${bold("Key:")}          ${files.key}`);
  if (authority !== undefined) {
    terminal.print(
      `${bold("Authority:")}    ${files.ca}  ${dim(authority.isNew ? "new; keep its key secret" : "kept")}`,
    );
  }
  terminal.print(`${bold("SHA-256:")}      ${cyan(hex(made))}`);
  terminal.print("");
  for (const line of authority === undefined ? hashHints(result) : authorityHints(files.ca)) terminal.print(line);
}

function hashHints({ made, days }: Result): string[] {
  if (days > hashedDays.most) {
    return [`Browsers refuse it: they accept a certificate by its hash for ${hashedDays.most} days at most.`];
  }
  return [
    "In a page:",
    `  const value = Uint8Array.from("${hex(made)}".match(/../g), (byte) => parseInt(byte, 16));`,
    `  new WebTransport(url, { serverCertificateHashes: [{ algorithm: "sha-256", value }] });`,
  ];
}

function authorityHints(ca: string): string[] {
  const how: Partial<Record<NodeJS.Platform, string>> = {
    darwin: `sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain ${ca}`,
    win32: `certutil -addstore -f ROOT ${ca}`,
  };
  return [
    "To trust the authority:",
    `  clients of Node:   connect(url, { ca: await readFile("${ca}", "utf8") })`,
    `  this machine:      ${how[process.platform] ?? `sudo cp ${ca} /usr/local/share/ca-certificates/dev-ca.crt && sudo update-ca-certificates`}`,
    "  Firefox:           Settings, Certificates, Authorities, Import",
    "  Chrome and Edge:   import it as an authority, and enable chrome://flags/#webtransport-developer-mode:",
    "                     for WebTransport they trust only authorities that they bring along",
  ];
}
