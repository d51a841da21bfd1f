/** Application protocols (draft-ietf-webtrans-http3 §3.3) as structured fields (RFC 9651). */
import type { HeaderList } from "../output.ts";

/** `sf-string`, then the parameters that may follow, which mean nothing here. */
const string = String.raw`"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"`;
const parameterValue = String.raw`(?:"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"|:[A-Za-z0-9+/=]*:|\?[01]|[A-Za-z0-9*_.:/!#$%&'^|~+-]+)`;
const parameters = String.raw`(?:;[ ]*[a-z*][a-z0-9_\-.*]*(?:=${parameterValue})?)*`;
const item = new RegExp(`${string}${parameters}`, "y");
const separator = /[ \t]*,[ \t]*/y;

/** Bytes of a field that are looked at; more is ignored as a whole. */
const maxLength = 10_240;

/** The members of a List of Strings; undefined when it is anything else. */
export function parseStringList(field: string): readonly string[] | undefined {
  const text = field.replace(/^ +| +$/g, "");
  if (text.length > maxLength) return undefined;
  const members: string[] = [];
  for (let offset = 0; offset < text.length;) {
    item.lastIndex = offset;
    const match = item.exec(text);
    if (match === null) return undefined;
    members.push((match[1] ?? "").replaceAll(/\\(["\\])/g, "$1"));
    offset = item.lastIndex;
    if (offset === text.length) return members;
    separator.lastIndex = offset;
    if (separator.exec(text) === null || separator.lastIndex === text.length) return undefined;
    offset = separator.lastIndex;
  }
  return members;
}

export function serializeString(text: string): string {
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}

export function serializeStringList(members: readonly string[]): string {
  return members.map(serializeString).join(", ");
}

/** What the client offers, in its order; nothing when the field is absent or not a List of Strings. */
export function offeredProtocols(fields: HeaderList, _tokens: boolean): readonly string[] {
  const lines = fields.filter(([name]) => name === "wt-available-protocols").map(([, value]) => value);
  return lines.length === 0 ? [] : [...new Set(parseStringList(lines.join(", ")) ?? [])];
}

/** What the server has chosen; undefined when the field is absent or not a String. */
export function chosenProtocol(fields: HeaderList, _tokens: boolean): string | undefined {
  const lines = fields.filter(([name]) => name === "wt-protocol").map(([, value]) => value);
  const [first, ...others] = lines.length === 1 ? (parseStringList(lines[0] ?? "") ?? []) : [];
  return others.length === 0 ? first : undefined;
}
