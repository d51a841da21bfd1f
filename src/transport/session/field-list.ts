import type { HeaderList } from "../../protocol/output.ts";

import type { HeadersInput } from "../types.ts";

/** Header fields as they travel and, once somebody asks, as `Headers`, which would take a good part of a short session's time. */
export class FieldList {
  /** Pseudo-headers included. */
  readonly list: HeaderList;
  #headers: Headers | undefined;

  constructor(list: HeaderList, headers?: Headers) {
    this.list = list;
    this.#headers = headers;
  }

  /** Throws TypeError for what `Headers` does not take. */
  static of(input: HeadersInput | undefined): FieldList {
    if (input === undefined) return new FieldList([]);
    const headers = new Headers(input as Headers);
    return new FieldList([...headers], headers);
  }

  get headers(): Headers {
    this.#headers ??= regularHeaders(this.list);
    return this.#headers;
  }
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
