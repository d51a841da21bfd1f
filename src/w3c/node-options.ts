import { clientOptionNames, nearestName } from "../client/session-parts.ts";
import type { ClientConfigOptions } from "../client/index.ts";

/** Members of the W3C's dictionary; some are options of `connect()`, too, with other values. */
const dictionary: readonly string[] = [
  "allowPooling",
  "anticipatedConcurrentIncomingBidirectionalStreams",
  "anticipatedConcurrentIncomingUnidirectionalStreams",
  "congestionControl",
  "datagramsReadableType",
  "headers",
  "protocols",
  "requireUnreliable",
  "serverCertificateHashes",
];

/** The class sets them itself. */
const ofTheClass: readonly string[] = ["maxIncomingStreams", "maxRetries", "readTimeout", "writeTimeout"];

const forNode = clientOptionNames.filter((name) => !dictionary.includes(name) && !ofTheClass.includes(name));
const known: readonly string[] = [...dictionary, ...forNode, "config"];
const warned = new Set<string>();

/**
 * The options of `connect()` that stand among the W3C's. Web IDL ignores what a dictionary does not know: of such members
 * the process warns, once of each name.
 */
export function nodeOptions(given: Readonly<Record<string, unknown>>): ClientConfigOptions {
  for (const name of Object.keys(given)) if (!known.includes(name)) warn(name);
  return Object.fromEntries(forNode.filter((name) => given[name] !== undefined).map((name) => [name, given[name]]));
}

function warn(name: string): void {
  if (warned.has(name)) return;
  warned.add(name);
  const meant = nearestName(name, known);
  const hint = ofTheClass.includes(name)
    ? ": the class sets it itself, other than connect() of tswebtransport/client"
    : meant === undefined
      ? ""
      : `; did you mean ${meant}?`;
  process.emitWarning(`WebTransport has no option ${name}${hint}`, {
    type: "TSWebTransportWarning",
    code: "WT_UNKNOWN_OPTION",
  });
}
