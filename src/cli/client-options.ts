/** The options by which `connect`, `bench` and `doctor` reach a server. */
import { readPem } from "../certificates/faults.ts";
import { ClientConfig } from "../client/client-config.ts";
import { connect } from "../client/connect.ts";
import type { ClientOptions } from "../client/connect.ts";
import { parseTarget } from "../client/target.ts";
import { ConfigurationError } from "../errors/errors.ts";
import type { WebTransportSession } from "../transport/session/session.ts";

import type { Arguments } from "./arguments.ts";
import { certificateHint } from "./certificate-hints.ts";
import type { CommandContext } from "./command.ts";
import type { OptionSpecification } from "./option-specification.ts";
import { withProgress } from "./terminal/progress.ts";
import { HintedError } from "./hinted-error.ts";
import { UsageError } from "./usage-error.ts";

export const clientOptions: Readonly<Record<string, OptionSpecification>> = {
  hash: {
    type: "string",
    multiple: true,
    value: "SHA256",
    help: "trust a certificate by its hash, hexadecimal, as a browser does",
  },
  ca: { type: "string", value: "FILE", help: "trust the authorities of this PEM file instead of the system's" },
  insecure: { type: "boolean", short: "k", help: "trust any certificate: for tests" },
  cert: { type: "string", value: "FILE", help: "client certificate, PEM; needs --key" },
  key: { type: "string", value: "FILE", help: "its key, PEM" },
  "server-name": { type: "string", value: "NAME", help: "the name that the certificate must be for" },
  header: { type: "string", short: "H", multiple: true, value: '"N: V"', help: "a request header" },
  origin: { type: "string", value: "ORIGIN", help: "the request's origin, as a browser would send it" },
  protocol: { type: "string", multiple: true, value: "NAME", help: "a subprotocol to offer, most preferred first" },
  timeout: { type: "string", value: "MS", help: "for connecting (default 10000)" },
};

/** "localhost:4433/echo" is enough. Throws UsageError. */
export function urlOf(text: string): URL {
  const full = text.includes("://") ? text : `https://${text}`;
  if (!URL.canParse(full)) {
    throw new UsageError(`"${text}" is no URL. Write: https://HOST:PORT/PATH (a PORT of 1 to 65535)`);
  }
  const { protocol } = new URL(full);
  if (protocol !== "https:") {
    throw new UsageError(`The URL of a WebTransport server begins with https:, not "${protocol}"`);
  }
  return orUsageError(() => parseTarget(full).url);
}

/** Options that only a server is asked with say nothing without its URL. Throws UsageError. */
export function requireNoClientOptions(args: Arguments, besides: readonly string[] = []): void {
  const given = Object.keys(clientOptions).find((name) => args.flag(name) && !besides.includes(name));
  if (given !== undefined) throw new UsageError(`--${given} needs the URL of a server`);
}

/** Reads the files that the options name. Throws UsageError for what no server would be asked with. */
export async function clientOptionsOf(args: Arguments): Promise<ClientOptions> {
  args.requireTogether("cert", "key");
  args.refuseTogether("insecure", "hash");
  args.refuseTogether("insecure", "ca");
  const [ca, certfile, keyfile, serverName] = [
    args.text("ca"),
    args.text("cert"),
    args.text("key"),
    args.host("server-name"),
  ];
  const hashes = args.list("hash").map((text) => ({ algorithm: "sha-256", value: hashOf(text) }));
  const options = {
    connectTimeout: args.integer("timeout", { least: 1, most: 600_000 }) ?? 10_000,
    handshakeTimeout: args.integer("timeout", { least: 1, most: 600_000 }) ?? 10_000,
    maxRetries: 0,
    headers: headersOf(args),
    ...(hashes.length > 0 && { serverCertificateHashes: hashes }),
    ...(ca !== undefined && { ca: await readPem(ca, "authorities of --ca") }),
    ...(args.flag("insecure") && { insecure: true }),
    ...(certfile !== undefined && { certfile }),
    ...(keyfile !== undefined && { keyfile }),
    ...(serverName !== undefined && { serverName }),
    ...(args.list("protocol").length > 0 && { protocols: args.list("protocol") }),
  };
  if (args.flag("insecure")) withoutInsecureWarning();
  return { config: orUsageError(() => ClientConfig.create(options)) };
}

/** What the API refuses is a wrong argument here, whose option has another name. */
function orUsageError<Value>(make: () => Value): Value {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    throw new UsageError(error.message.replace(/^protocols(?: item \d+)?/, "--protocol"));
  }
}

/** Connects, and shows that it does when it takes long. */
export async function connectShown(
  url: URL,
  options: ClientOptions,
  { terminal, interruption }: CommandContext,
): Promise<WebTransportSession> {
  try {
    return await withProgress(terminal, `Connecting to ${url.host}`, () =>
      connect(url, { ...options, signal: interruption.signal }),
    );
  } catch (error) {
    const hint = certificateHint(error);
    throw hint !== undefined && error instanceof Error ? new HintedError(error, hint) : error;
  }
}

/** Where the user, or the command, knows it: Node's three lines would only hide what the command says. */
export function withoutInsecureWarning(): void {
  const others = process.listeners("warning");
  process.removeAllListeners("warning");
  process.on("warning", (warning: Error & { code?: string }) => {
    if (warning.code !== "WT_INSECURE") for (const listener of others) listener(warning);
  });
}

/** With or without colons, as browsers and openssl show it. */
function hashOf(text: string): string {
  if (/^(?:[\da-f]{2}:?){32}$/i.test(text)) return text;
  throw new UsageError(`--hash must be a SHA-256 of 64 hexadecimal digits, not "${text}"`);
}

function headersOf(args: Arguments): Headers {
  const headers = new Headers();
  for (const text of args.list("header")) {
    const [, name = "", value = ""] = /^([^:]+):\s*(.*)$/.exec(text) ?? [];
    try {
      headers.append(name, value);
    } catch {
      throw new UsageError(`--header "${text}" is no header. Write: --header "name: value"`);
    }
  }
  const origin = args.text("origin");
  if (origin === undefined) return headers;
  if (!isOrigin(origin)) {
    throw new UsageError(`--origin must be one as browsers send it, https://app.example or null, not "${origin}"`);
  }
  headers.set("origin", origin);
  return headers;
}

/** RFC 6454 §7: scheme, host and port alone, or null. Extensions of browsers have schemes of their own. */
function isOrigin(text: string): boolean {
  if (text === "null") return true;
  return /^[a-z][a-z\d+.-]*:\/\/[^\s/?#@]+$/i.test(text) && URL.canParse(text);
}
