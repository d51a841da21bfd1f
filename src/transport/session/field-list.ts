import { connectionFields } from "../../protocol/http3/fields.ts";
import type { HeaderList } from "../../protocol/output.ts";

import type { HeadersInput } from "../types.ts";

const noFields: HeaderList = [];

/** Header fields as they travel; as `Headers` they are created lazily, which takes a good part of a short session's time. */
export class FieldList {
  /** Pseudo-headers included. */
  readonly list: HeaderList;
  #headers: Headers | undefined;

  constructor(list: HeaderList, headers?: Headers) {
    this.list = list;
    this.#headers = headers;
  }

  /** Throws TypeError for what `Headers` does not take, and for what HTTP/3 does not. */
  static of(input: HeadersInput | undefined): FieldList {
    if (input === undefined) return new FieldList(noFields);
    const headers = new Headers(input as Headers);
    for (const [name, value] of headers) {
      const fault = fieldFault(name, value);
      if (fault !== undefined) throw new TypeError(`Cannot send the field "${name}": ${fault}`);
    }
    return new FieldList([...headers], headers);
  }

  get headers(): Headers {
    this.#headers ??= regularHeaders(this.list);
    return this.#headers;
  }
}

/** Why the peer would take the whole message for malformed. */
export function fieldFault(name: string, value: string): string | undefined {
  // RFC 9114 §4.2.
  if (connectionFields.has(name)) return "it belongs to HTTP/1.1";
  if (name === "te" && value !== "trailers") return 'its only value is "trailers"';
  // RFC 9110 §8.6; RFC 9114 §4.1.2.
  return name === "content-length" ? "a session's messages have no content" : undefined;
}

/** Fields without the pseudo-headers. What `Headers` does not take (RFC 9110 §5.5 allows obs-text) is left to the list. */
function regularHeaders(list: HeaderList): Headers {
  const headers = new Headers();
  for (const [name, value] of list) {
    if (name.startsWith(":")) continue;
    try {
      headers.append(name, value);
    } catch {
      // Seen in the list.
    }
  }
  return headers;
}
