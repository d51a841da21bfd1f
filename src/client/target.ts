import { ConfigurationError } from "../errors/errors.ts";

/** Where a client wants to go. */
export interface Target {
  readonly url: URL;
  /** Without the brackets of an IPv6 address. */
  readonly hostname: string;
  readonly port: number;
}

/** Throws ConfigurationError for anything but the URL of a WebTransport server. */
export function parseTarget(url: string | URL): Target {
  const text = String(url);
  const invalid = (why: string): ConfigurationError =>
    new ConfigurationError(`Cannot connect to "${text}": ${why}`, { configKey: "url", configValue: text });
  if (!URL.canParse(text)) throw invalid("it is not a URL");
  const parsed = new URL(text);
  if (parsed.protocol !== "https:") throw invalid("WebTransport needs https:");
  if (parsed.hash !== "" || text.endsWith("#")) throw invalid("a fragment is not allowed");
  if (parsed.username !== "" || parsed.password !== "") throw invalid("credentials are not allowed");
  if (parsed.port === "0") throw invalid("no server has port 0");
  return {
    url: parsed,
    hostname: parsed.hostname.replace(/^\[|\]$/g, ""),
    port: parsed.port === "" ? 443 : Number(parsed.port),
  };
}
