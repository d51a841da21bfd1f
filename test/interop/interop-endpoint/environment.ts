/** What the runner asks for, read once. */
export const transferKinds = ["unidirectional", "bidirectional", "datagram"] as const;
export type TransferKind = (typeof transferKinds)[number];

/** The names of a session's files. */
export interface EndpointRequests {
  /** First segment of the session's path. */
  readonly endpoint: string;
  readonly files: readonly string[];
}

export interface Environment {
  readonly role: "server" | "client";
  /** How this side asks for files. Undefined: the handshake, or a side that only answers. */
  readonly kind: TransferKind | undefined;
  readonly isHandshake: boolean;
  /** Origin of a client's URLs. */
  readonly origin: string | undefined;
  readonly requests: readonly EndpointRequests[];
  readonly protocols: readonly string[];
  readonly www: string;
  readonly downloads: string;
  readonly certs: string;
  readonly host: string;
  readonly port: number;
}

export class UnknownTestCase extends Error {
  override readonly name = "UnknownTestCase";
}

/** Throws UnknownTestCase, or Error for a variable that is missing. */
export function readEnvironment(variables: Readonly<Record<string, string | undefined>>): Environment {
  const role = variables["ROLE"];
  if (role !== "server" && role !== "client") throw new Error(`ROLE must be server or client, not "${role ?? ""}"`);
  const name = variables["TESTCASE"] ?? "";
  const { host, port } = listenAddress(variables["LISTEN"] ?? "[::]:443");
  return {
    role,
    kind: kindOf(name),
    isHandshake: name === "handshake",
    ...requestsOf(words(variables["REQUESTS"])),
    protocols: words(variables["PROTOCOLS"]),
    www: variables["WWW"] ?? "/www",
    downloads: variables["DOWNLOADS"] ?? "/downloads",
    certs: variables["CERTS"] ?? "/certs",
    host,
    port,
  };
}

/** The runner gives the side that asks a `transfer-KIND-DIRECTION`, and the other side `transfer`. */
function kindOf(name: string): TransferKind | undefined {
  if (name === "handshake" || name === "transfer") return undefined;
  const [, kindName] = /^transfer-(\w+)-(?:receive|send)$/.exec(name) ?? [];
  const kind = transferKinds.find((candidate) => candidate === kindName);
  if (kind === undefined) throw new UnknownTestCase(`The test case "${name}" is not known`);
  return kind;
}

/** Sessions in the order of their first request. A request without a file only opens its session. */
function requestsOf(texts: readonly string[]): { origin: string | undefined; requests: readonly EndpointRequests[] } {
  const files = new Map<string, string[]>();
  let origin: string | undefined;
  for (const text of texts) {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    origin ??= url?.origin;
    const [endpoint = "", ...rest] = (url?.pathname ?? text).replace(/^\//, "").split("/");
    const file = rest.join("/");
    const known = files.get(endpoint) ?? [];
    files.set(endpoint, file === "" ? known : [...known, file]);
  }
  return { origin, requests: [...files].map(([endpoint, names]) => ({ endpoint, files: names })) };
}

function words(text: string | undefined): readonly string[] {
  return (text ?? "").split(/\s+/).filter((word) => word !== "");
}

function listenAddress(text: string): { host: string; port: number } {
  const [, host = "", port = ""] = /^(.*):(\d+)$/.exec(text) ?? [];
  if (port === "") throw new Error(`LISTEN must be HOST:PORT, not "${text}"`);
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}
