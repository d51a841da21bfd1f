import { WebTransportError } from "../errors/errors.ts";

/** A header (its name in lower case) of the response that an error tells of. */
export function responseHeader(error: unknown, name: string): string | undefined {
  const headers = error instanceof WebTransportError ? error.details["headers"] : undefined;
  const value: unknown = typeof headers === "object" && headers !== null ? Reflect.get(headers, name) : undefined;
  return typeof value === "string" ? value : undefined;
}
