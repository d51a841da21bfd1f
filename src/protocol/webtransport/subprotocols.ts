/** Application protocols (draft-ietf-webtrans-http3 §3.3) as structured fields (RFC 9651). */
import { isInnerList, parseItem, parseList, serializeItem, serializeList, Token } from "structured-headers";
import type { BareItem } from "structured-headers";

import { isSubprotocol, maxSubprotocolLength } from "../../base/subprotocol.ts";
import type { HeaderList } from "../output.ts";

/** Bytes of a field that are looked at; more is ignored as a whole. */
const maxFieldLength = 10_240;

/** What the client offers, in its order; nothing when the field is absent or anything but a List of Strings. `tokens`: of Tokens, too. */
export function offeredProtocols(fields: HeaderList, tokens: boolean): readonly string[] {
  const field = fieldOf(fields, "wt-available-protocols");
  if (field === undefined) return [];
  const offered = new Set<string>();
  for (const member of parsed(() => parseList(field)) ?? []) {
    const text = isInnerList(member) ? undefined : textOf(member[0], tokens);
    // One member that is no String makes the field mean nothing.
    if (text === undefined) return [];
    offered.add(text);
  }
  return [...offered];
}

/** What the server has chosen; undefined when the field is absent or not a String (`tokens`: or a Token). */
export function chosenProtocol(fields: HeaderList, tokens: boolean): string | undefined {
  const field = fieldOf(fields, "wt-protocol");
  const item = field === undefined ? undefined : parsed(() => parseItem(field));
  return item === undefined ? undefined : textOf(item[0], tokens);
}

/** `protocol` has been offered, or was checked with {@link protocolsFault}. */
export function serializeProtocol(protocol: string): string {
  return serializeItem(protocol);
}

/** `protocols` were checked with {@link protocolsFault}. */
export function serializeProtocols(protocols: readonly string[]): string {
  return serializeList(protocols.map((protocol) => [protocol, new Map()]));
}

/** Why a client cannot offer these; undefined when it can. */
export function protocolsFault(protocols: readonly string[]): string | undefined {
  const before = new Set<string>();
  for (const protocol of protocols) {
    if (protocol.length === 0) return "a subprotocol is empty";
    if (protocol.length > maxSubprotocolLength) return `a subprotocol has more than ${maxSubprotocolLength} characters`;
    if (!isSubprotocol(protocol)) return `"${protocol}" has other characters than ASCII's printable ones`;
    if (before.has(protocol)) return `"${protocol}" stands there twice`;
    before.add(protocol);
  }
  return undefined;
}

/** All lines of a field as one (RFC 9651 §4.2). */
function fieldOf(fields: HeaderList, name: string): string | undefined {
  const lines = fields.filter(([key]) => key === name).map(([, value]) => value);
  const field = lines.join(", ");
  return lines.length === 0 || field.length > maxFieldLength ? undefined : field;
}

function textOf(item: BareItem, tokens: boolean): string | undefined {
  if (typeof item === "string") return item;
  return tokens && item instanceof Token ? item.toString() : undefined;
}

/** What does not parse is ignored (RFC 9651 §4.2), whatever the parser throws. */
function parsed<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}
