/** Rules that field sections must keep (RFC 9114 §4.2 to §4.4, RFC 9220). */
import type { HeaderList } from "../output.ts";
import { streamError } from "../wire-errors.ts";

const [tab, lineFeed, carriageReturn, space] = [0x09, 0x0a, 0x0d, 0x20];

const token = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** RFC 9114 §4.2: fields of HTTP/1.1's connections. */
export const connectionFields: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);
const requestPseudo: ReadonlySet<string> = new Set([":method", ":scheme", ":authority", ":path", ":protocol"]);
const responsePseudo: ReadonlySet<string> = new Set([":status"]);

export interface RequestHead {
  readonly method: string;
  readonly scheme: string | undefined;
  readonly authority: string | undefined;
  readonly path: string | undefined;
  readonly protocol: string | undefined;
  readonly fields: HeaderList;
}

/** Throws WireError H3_MESSAGE_ERROR for a malformed request. */
export function parseRequest(fields: HeaderList): RequestHead {
  const pseudo = checkFields(fields, requestPseudo);
  const head: RequestHead = {
    method: required(pseudo, ":method"),
    scheme: pseudo.get(":scheme"),
    authority: pseudo.get(":authority"),
    path: pseudo.get(":path"),
    protocol: pseudo.get(":protocol"),
    fields,
  };
  if (head.method === "CONNECT" && head.protocol === undefined) {
    // RFC 9114 §4.4: an ordinary CONNECT names its target in :authority alone.
    if (head.scheme !== undefined || head.path !== undefined) throw malformed("CONNECT with :scheme or :path");
    required(pseudo, ":authority");
    return head;
  }
  // RFC 9220 §3: :protocol belongs to CONNECT.
  if (head.method !== "CONNECT" && head.protocol !== undefined) throw malformed(":protocol without CONNECT");
  if (head.protocol === "") throw malformed("an empty :protocol");
  const scheme = required(pseudo, ":scheme");
  required(pseudo, ":path");
  if (head.method === "CONNECT") required(pseudo, ":authority");
  if (scheme === "https" || scheme === "http") {
    checkPath(head);
    checkAuthority(head);
  }
  return head;
}

/** The status of a response. Throws WireError H3_MESSAGE_ERROR for a malformed one. */
export function parseResponse(fields: HeaderList): number {
  const status = required(checkFields(fields, responsePseudo), ":status");
  // RFC 9114 §4.5: 101 does not exist here.
  if (!/^[1-9]\d\d$/.test(status) || status === "101") throw malformed(`:status ${status}`);
  return Number(status);
}

/** Of a request that {@link parseRequest} has taken. */
export function contentLengthOf(fields: HeaderList): number | undefined {
  const length = fields.find(([name]) => name === "content-length")?.[1];
  return length === undefined ? undefined : Number(length);
}

function checkFields(fields: HeaderList, allowedPseudo: ReadonlySet<string>): ReadonlyMap<string, string> {
  const pseudo = new Map<string, string>();
  let isPastPseudo = false;
  let contentLength: string | undefined;
  for (const [name, value] of fields) {
    if (!isFieldValue(value)) throw malformed(`the value of ${name}`);
    if (name.startsWith(":")) {
      if (isPastPseudo) throw malformed(`${name} after a regular field`);
      if (!allowedPseudo.has(name)) throw malformed(`pseudo-header ${name}`);
      if (pseudo.has(name)) throw malformed(`${name} twice`);
      pseudo.set(name, value);
      continue;
    }
    isPastPseudo = true;
    if (!token.test(name)) throw malformed("a field name");
    if (connectionFields.has(name)) throw malformed(`field ${name}`);
    if (name === "te" && value !== "trailers") throw malformed("te");
    if (name === "content-length") {
      if (!/^\d+$/.test(value) || (contentLength !== undefined && contentLength !== value)) {
        throw malformed("content-length");
      }
      contentLength = value;
    }
  }
  return pseudo;
}

/** Neither NUL, CR nor LF in it (RFC 9110 §5.5), nor a space or tab at an end of it (RFC 9113 §8.2.1). */
function isFieldValue(value: string): boolean {
  // A regular expression for it takes several times as long, and every field of every request comes here.
  for (let index = 0; index < value.length; index += 1) {
    const character = value.charCodeAt(index);
    if (character === 0 || character === carriageReturn || character === lineFeed) return false;
  }
  return !isBlank(value.charCodeAt(0)) && !isBlank(value.charCodeAt(value.length - 1));
}

function isBlank(character: number): boolean {
  return character === space || character === tab;
}

/** RFC 9114 §4.3.1: any other beginning would become a part of the host when both are joined. */
function checkPath({ method, path = "" }: RequestHead): void {
  if (!path.startsWith("/") && !(method === "OPTIONS" && path === "*")) throw malformed(":path does not begin with /");
}

function checkAuthority(head: RequestHead): void {
  const host = head.fields.find(([name]) => name === "host")?.[1];
  const authority = head.authority ?? host;
  if (authority === undefined || authority === "") throw malformed("no :authority");
  if (host !== undefined && head.authority !== undefined && host !== head.authority) {
    throw malformed(":authority and host differ");
  }
  // RFC 9114 §4.3.1.
  if (authority.includes("@")) throw malformed("user information in :authority");
  // RFC 3986 §3.2: these end an authority.
  if (/[/?#\\\s]/.test(authority)) throw malformed(":authority is more than a host and a port");
}

function required(pseudo: ReadonlyMap<string, string>, name: string): string {
  const value = pseudo.get(name);
  if (value === undefined) throw malformed(`no ${name}`);
  return value;
}

function malformed(what: string): Error {
  return streamError("H3_MESSAGE_ERROR", `malformed message: ${what}`);
}
