import { isSubprotocol } from "../base/subprotocol.ts";
import type { ClientConfig, ClientConfigOptions } from "../client/index.ts";

import { nodeOptions } from "./node-options.ts";
import type { WebTransportCloseInfo, WebTransportCongestionControl } from "./types.ts";
import {
  toBytes,
  toDictionary,
  toEnforcedUnsignedShort,
  toEnumeration,
  toText,
  toSequence,
  toUnsignedLong,
  toUsvString,
} from "./web-idl.ts";

/** The constructor's arguments, as W3C WebTransport §6.2 checks them. */
export interface ParsedOptions {
  readonly url: URL;
  readonly allowPooling: boolean;
  readonly headers: Headers;
  readonly serverCertificateHashes: readonly { algorithm: string; value: Uint8Array<ArrayBuffer> }[];
  readonly congestionControl: WebTransportCongestionControl;
  readonly anticipatedUnidirectional: number | null;
  readonly anticipatedBidirectional: number | null;
  readonly protocols: readonly string[];
  readonly datagramsReadableType: "bytes" | undefined;
  readonly config: ClientConfig | ClientConfigOptions | undefined;
  /** Options that stand beside `config` and override it. */
  readonly nodeOptions: ClientConfigOptions;
}

/**
 * Fetch's forbidden request headers, which are dropped without a word. `origin` is not among them: a process has no origin
 * of its own, and servers ask for one.
 */
const forbiddenHeader =
  /^(?:accept-charset|accept-encoding|access-control-request-(?:headers|method|private-network)|connection|content-length|cookie2?|date|dnt|expect|host|keep-alive|proxy-.*|referer|sec-.*|set-cookie|te|trailer|transfer-encoding|upgrade|via)$/;

/** Throws TypeError, or DOMException as SyntaxError or NotSupportedError. */
export function parseArguments(url: unknown, options: unknown): ParsedOptions {
  const text = toUsvString(url);
  const given = toDictionary(options, "options");
  const anticipatedUnidirectional = toAnticipated(given, "anticipatedConcurrentIncomingUnidirectionalStreams");
  const anticipatedBidirectional = toAnticipated(given, "anticipatedConcurrentIncomingBidirectionalStreams");
  const { congestionControl = "default", datagramsReadableType: type, serverCertificateHashes = [] } = given;
  const preference = toEnumeration(congestionControl, ["default", "throughput", "low-latency"], "congestionControl");
  const datagramsReadableType =
    type === undefined ? undefined : toEnumeration(type, ["bytes"], "datagramsReadableType");
  const hashes = toSequence(serverCertificateHashes, "serverCertificateHashes").map(toHash);
  const protocols = toSequence(given["protocols"] ?? [], "protocols").map(String);
  const headers = toRequestHeaders(given["headers"]);
  const allowPooling = Boolean(given["allowPooling"]);

  const parsed = parseUrl(text);
  if (allowPooling && hashes.length > 0) {
    throw new DOMException("serverCertificateHashes need a connection that is not pooled", "NotSupportedError");
  }
  checkProtocols(protocols);
  return {
    url: parsed,
    allowPooling,
    headers,
    serverCertificateHashes: hashes,
    // CUBIC is made for throughput; the engine has nothing that is made for low latency.
    congestionControl: preference === "low-latency" ? "default" : preference,
    anticipatedUnidirectional,
    anticipatedBidirectional,
    protocols,
    datagramsReadableType,
    nodeOptions: nodeOptions(given),
    config: given["config"] as ClientConfig | ClientConfigOptions | undefined,
  };
}

/** Throws TypeError for what is no dictionary. */
export function parseCloseInfo(value: unknown): Required<WebTransportCloseInfo> {
  const { closeCode = 0, reason = "" } = toDictionary(value, "closeInfo");
  return { closeCode: toUnsignedLong(closeCode), reason: toUsvString(reason) };
}

function parseUrl(text: string): URL {
  const invalid = (why: string): DOMException => new DOMException(`Cannot connect to "${text}": ${why}`, "SyntaxError");
  if (!URL.canParse(text)) throw invalid("it is not a URL");
  const url = new URL(text);
  if (url.protocol !== "https:") throw invalid("its scheme is not https");
  // An empty fragment is a fragment, but `hash` does not show it.
  if (url.href.includes("#")) throw invalid("it has a fragment");
  return url;
}

function checkProtocols(protocols: readonly string[]): void {
  const bad = protocols.find((protocol) => !isSubprotocol(protocol));
  if (bad !== undefined) {
    throw new DOMException(`"${bad}" cannot be a protocol: 1 to 512 printable ASCII characters are`, "SyntaxError");
  }
  if (new Set(protocols).size !== protocols.length) {
    throw new DOMException("protocols has the same name twice", "SyntaxError");
  }
}

function toHash(value: unknown): { algorithm: string; value: Uint8Array<ArrayBuffer> } {
  const hash = toDictionary(value, "A certificate hash");
  if (hash["algorithm"] === undefined) throw new TypeError("A certificate hash has no algorithm");
  return { algorithm: toText(hash["algorithm"]), value: toBytes(hash["value"], "A certificate hash's value") };
}

function toAnticipated(given: Record<string, unknown>, name: string): number | null {
  return toEnforcedUnsignedShort(given[name], name);
}

function toRequestHeaders(value: unknown): Headers {
  const headers = new Headers();
  for (const [name, text] of new Headers(value as Headers | undefined)) {
    if (name === "wt-available-protocols") throw new TypeError(`headers has ${name}: use the option protocols`);
    if (!forbiddenHeader.test(name)) headers.append(name, text);
  }
  return headers;
}
