import { randomUUID } from "node:crypto";
import { link, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { readPem } from "../certificates/faults.ts";
import { hostnamesOf } from "../certificates/hostnames.ts";
import { generateCertificateAuthority, issueCertificate } from "../certificates/own-authority.ts";
import type { CertificateAuthority, IssuedCertificateOptions } from "../certificates/own-authority.ts";
import { generateSelfSignedCertificate } from "../certificates/self-signed.ts";
import type { SelfSignedCertificate } from "../certificates/self-signed.ts";
import { CertificateError, ConfigurationError } from "../errors/errors.ts";

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
  for (const option of ["out", "force"]) args.refuseTogether("stdout", option);
  const days = args.integer("days", { least: 1, most: 3650 }) ?? (isIssued ? issuedDays : hashedDays.usual);
  const files = filesIn(directory);
  if (!args.flag("stdout")) {
    await makeFolder("--out", directory);
    for (const path of [files.cert, files.key, ...(isIssued ? [files.ca, files.caKey] : [])])
      await requireNoFolder(path);
    if (!args.flag("force")) await requireAbsent([files.cert, files.key]);
  }
  const authority = isIssued ? await authorityOf(args, files) : undefined;
  const made =
    authority === undefined
      ? await generateSelfSignedCertificate({ hostname: hosts, days })
      : await issued(authority.pair, { hostname: hosts, days }, files);
  if (!args.flag("stdout")) {
    await writeFiles([
      ...(authority?.isNew === true ? pairOf(files.ca, files.caKey, authority.pair) : []),
      ...pairOf(files.cert, files.key, made),
    ]);
  }
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
    // It tells what of the name is wrong.
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

async function requireNoFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true) throw cannotWrite(path, "it is a folder");
}

/** The directory's, or a new one, which is still to be written there. */
async function authorityOf(args: Arguments, files: Files): Promise<{ pair: CertificateAuthority; isNew: boolean }> {
  const isKept = !args.flag("stdout");
  if (isKept) {
    const present = await Promise.all([exists(files.ca), exists(files.caKey)]);
    if (present[0] && present[1]) {
      const cert = await readPem(files.ca, "authority's certificate");
      const key = await readPem(files.caKey, "authority's key");
      if (!cert.includes("-----BEGIN CERTIFICATE-----"))
        throw unusableAuthority(files, `${files.ca} holds no certificate`);
      if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(key))
        throw unusableAuthority(files, `${files.caKey} holds no key`);
      return { pair: { cert, key }, isNew: false };
    }
    if (present[0] || present[1]) {
      const [here, missing] = present[0] ? [files.ca, files.caKey] : [files.caKey, files.ca];
      throw new UsageError(`${here} is there, but ${missing} is not: put it beside, or move ${here} away`);
    }
  }
  return { pair: await generateCertificateAuthority(), isNew: true };
}

async function issued(
  authority: CertificateAuthority,
  options: IssuedCertificateOptions,
  files: Files,
): Promise<SelfSignedCertificate> {
  try {
    return await issueCertificate(authority, options);
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error;
    throw unusableAuthority(files, error.certificateError ?? error.message, error);
  }
}

/** One that was found in its files, which the user can mend. */
function unusableAuthority({ ca, caKey }: Files, reason: string, cause?: unknown): CertificateError {
  return new CertificateError(
    `Cannot use the authority of ${ca} and ${caKey}: ${reason}. Put the right files there, or move both away for a new one`,
    { certificatePath: ca, certificateError: reason, cause },
  );
}

interface NewFile {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

/** Keys are for their owner alone. */
function pairOf(certPath: string, keyPath: string, { cert, key }: CertificateAuthority): NewFile[] {
  return [
    { path: keyPath, text: key, mode: 0o600 },
    { path: certPath, text: cert, mode: 0o644 },
  ];
}

/** All or, where one cannot be written, none of them. Each comes into place as a whole. */
async function writeFiles(files: readonly NewFile[]): Promise<void> {
  const suffix = randomUUID();
  const fresh = (path: string): string => `${path}.${suffix}`;
  const former = (path: string): string => `${path}.${suffix}.former`;
  const placed: string[] = [];
  try {
    for (const { path, text, mode } of files) {
      await orCannotWrite(path, writeFile(fresh(path), text, { mode, flag: "wx" }));
    }
    for (const { path } of files) {
      if (await exists(path)) await orCannotWrite(path, keep(path, former(path)));
      placed.push(path);
      await orCannotWrite(path, rename(fresh(path), path));
    }
  } catch (error) {
    for (const path of placed) await rename(former(path), path).catch(() => rm(path, { force: true }));
    throw error;
  } finally {
    for (const { path } of files) {
      for (const left of [fresh(path), former(path)]) await rm(left, { force: true });
    }
  }
}

/** Under a second name. Where a file can have no two, it is missing for a moment. */
async function keep(path: string, name: string): Promise<void> {
  await link(path, name).catch(() => rename(path, name));
}

async function orCannotWrite(path: string, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    // The operating system's reason, without the call and the name of the file that was to be renamed.
    throw cannotWrite(path, error instanceof Error ? error.message.replace(/, \w+ '[^]*$/, "") : String(error), error);
  }
}

function cannotWrite(path: string, reason: string, cause?: unknown): CertificateError {
  const text = `Cannot write ${path}: ${reason}. Choose another folder with --out`;
  return new CertificateError(text, { certificatePath: path, certificateError: reason, cause });
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
