import { refused } from "../../config/option-table.ts";

/** Instead of a value. */
const mark = "[redacted]";

/**
 * The path of a URL with its query, for logs: the names of parameters remain, their values do not, because browsers have
 * no other place for a token. A parameter without "=" is a value; so is a name that is not short and plain. Throws
 * ConfigurationError for what is no URL, which it does not show.
 *
 * ```ts
 * redactQuery(new URL("https://example.com/chat?room=1&token=eyJh")); // "/chat?room=[redacted]&token=[redacted]"
 * ```
 */
export function redactQuery(url: { readonly pathname: string; readonly search: string }): string {
  const { pathname, search } = partsOf(url);
  if (search === "") return pathname;
  const parameters = search.slice(1).split("&");
  return `${pathname}?${parameters.map(redactParameter).join("&")}`;
}

/** The path of a URL with its query as it is. */
export function fullPath({ pathname, search }: { readonly pathname: string; readonly search: string }): string {
  return pathname + search;
}

function redactParameter(parameter: string): string {
  const [, name] = /^([\w.-]{1,32})=/.exec(parameter) ?? [];
  return name === undefined ? mark : `${name}=${mark}`;
}

/** A text is refused, too: what of it is the query, only a parser can tell. */
function partsOf(url: unknown): { readonly pathname: string; readonly search: string } {
  if (typeof url === "object" && url !== null && "pathname" in url && "search" in url) {
    const { pathname, search } = url;
    if (typeof pathname === "string" && typeof search === "string") return { pathname, search };
  }
  throw refused("url", undefined, "must be a URL object, or an object with its pathname and search");
}
