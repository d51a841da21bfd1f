/** W3C §6.2 and Fetch: what a script does not get to see of a response. */
const hidden: ReadonlySet<string> = new Set(["wt-protocol", "set-cookie", "set-cookie2"]);

/** A response's headers, which cannot be changed (Fetch's guard "immutable"). */
export function toResponseHeaders(received: Headers): Headers {
  const headers = new Headers([...received].filter(([name]) => !hidden.has(name)));
  for (const name of ["append", "delete", "set"]) Object.defineProperty(headers, name, { value: refuse });
  return headers;
}

function refuse(): never {
  throw new TypeError("The headers of a response cannot be changed");
}
