/** Who may see the monitor's pages. */
import type { IncomingMessage } from "node:http";

import { aFunction, integer, listOf, text } from "../../config/option-checks.ts";
import { refused } from "../../config/option-table.ts";
import { checkNames } from "../option-names.ts";
import type { Logger } from "../../config/logger.ts";

import { LoginCookie } from "./login-cookie.ts";

export interface MonitorServeOptions {
  /** Address or name to bind. Default "localhost"; any other than this machine's own needs `authorize` or `token`. */
  readonly host?: string;
  /** TCP port, 0 to 65535; 0 picks a free one. Default 9464. */
  readonly port?: number;
  /**
   * Asked about each request but those for `/healthz` and `/readyz`: only `true` admits it. Where `token` is set, too, both
   * must agree.
   */
  readonly authorize?: (request: IncomingMessage) => boolean | Promise<boolean>;
  /**
   * A secret of at least 16 characters, sent as `Authorization: Bearer TOKEN`, as the password of HTTP's basic
   * authentication with any user name, or typed into the dashboard's login page. Send it over TLS: put a proxy in front.
   */
  readonly token?: string;
  /**
   * Names by which the pages may be asked for (in the Host header), beside those of this machine, where only this machine
   * can reach them: for a proxy on it. Default: none.
   */
  readonly allowedHosts?: readonly string[];
}

const names = ["host", "port", "authorize", "token", "allowedHosts"] as const;
export const defaultPort = 9464;
const leastToken = 16;

export interface CompleteServeOptions {
  readonly host: string;
  readonly port: number;
  readonly access: Access;
}

/** Throws ConfigurationError. */
export function serveOptions(given: MonitorServeOptions, logger: Logger): CompleteServeOptions {
  checkNames(given, names, "options", "monitor.serve()");
  const { host = "localhost", port = defaultPort, authorize, token, allowedHosts = [] } = given;
  const checks: readonly (readonly [string, unknown, string | undefined])[] = [
    ["host", host, text(host)],
    ["port", port, integer(0, 65_535)(port)],
    ["authorize", authorize, authorize === undefined ? undefined : aFunction(authorize)],
    ["token", "[hidden]", token === undefined ? undefined : tokenFault(token)],
    ["allowedHosts", allowedHosts, listOf(text)(allowedHosts)],
  ];
  for (const [name, value, reason] of checks) if (reason !== undefined) throw refused(name, value, reason);
  const isLocal = isLoopback(host);
  if (!isLocal && authorize === undefined && token === undefined) {
    throw refused("host", host, "can be reached from other machines, so authorize or token is needed");
  }
  return { host, port, access: new Access({ authorize, token, allowedHosts, isLocal, logger }) };
}

interface AccessInit {
  readonly authorize: MonitorServeOptions["authorize"];
  readonly token: string | undefined;
  readonly allowedHosts: readonly string[];
  /** Only this machine reaches the port. */
  readonly isLocal: boolean;
  readonly logger: Logger;
}

export type Verdict = "admitted" | "wrong-host" | "unauthorized" | "forbidden";

export class Access {
  readonly #authorize: MonitorServeOptions["authorize"];
  /** Digests have one length, so comparing them tells nothing of the token. */
  readonly #token: Buffer | undefined;
  readonly #login: LoginCookie | undefined;
  readonly #allowedHosts: ReadonlySet<string>;
  readonly #isLocal: boolean;
  readonly #logger: Logger;

  constructor({ authorize, token, allowedHosts, isLocal, logger }: AccessInit) {
    this.#authorize = authorize;
    this.#token = token === undefined ? undefined : digest(token);
    this.#login = token === undefined ? undefined : new LoginCookie(token);
    this.#allowedHosts = new Set(allowedHosts.map((name) => name.toLowerCase()));
    this.#isLocal = isLocal;
    this.#logger = logger;
  }

  /**
   * A page of the web can make its own name point to this machine (DNS rebinding): then the request comes from a browser
   * here, but its Host header has that name.
   */
  admitsHost(request: IncomingMessage): boolean {
    if (!this.#isLocal) return true;
    const name = hostName(request.headers.host);
    return name !== undefined && (isLoopback(name) || this.#allowedHosts.has(name));
  }

  /** Of people who log in; undefined where no token is needed. */
  get login(): LoginCookie | undefined {
    return this.#login;
  }

  isToken(text: string): boolean {
    const { timingSafeEqual } = process.getBuiltinModule("node:crypto");
    return this.#token !== undefined && timingSafeEqual(digest(text), this.#token);
  }

  /** `needsToken`: false where somebody is about to log in. */
  async verdictOn(request: IncomingMessage, needsToken = true): Promise<Verdict> {
    if (!this.admitsHost(request)) return "wrong-host";
    if (needsToken && this.#login !== undefined) {
      const given = credentialOf(request.headers.authorization);
      const hasToken = given !== undefined && this.isToken(given);
      if (!hasToken && !this.#login.isValid(request)) return "unauthorized";
    }
    if (this.#authorize === undefined) return "admitted";
    try {
      // Callers without types may give anything.
      const answer: unknown = await this.#authorize(request);
      return answer === true ? "admitted" : "forbidden";
    } catch (error) {
      this.#logger.error({ error }, "authorize of the monitor failed; the request is refused");
      return "forbidden";
    }
  }
}

/** Only this machine can reach it. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  if (name === "localhost" || name === "::1") return true;
  return process.getBuiltinModule("node:net").isIPv4(name) && name.startsWith("127.");
}

/** Of a Host header, without port and brackets; undefined when it is none. */
function hostName(header: string | undefined): string | undefined {
  const [, bracketed, plain] =
    /^(?:\[([0-9a-f:.]+)\]|([^:/@\s]+))(?::\d{1,5})?$/.exec(header?.toLowerCase() ?? "") ?? [];
  return bracketed ?? plain;
}

/** The token of `Bearer TOKEN`, or the password of `Basic`. */
function credentialOf(header: string | undefined): string | undefined {
  const [, scheme, value = ""] = /^(bearer|basic) +(\S+)$/i.exec(header ?? "") ?? [];
  if (scheme === undefined) return undefined;
  if (scheme.toLowerCase() === "bearer") return value;
  const pair = Buffer.from(value, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  return colon < 0 ? undefined : pair.slice(colon + 1);
}

function tokenFault(token: unknown): string | undefined {
  const isLong = typeof token === "string" && token.length >= leastToken && /^[\x21-\x7e]+$/.test(token);
  return isLong ? undefined : `must be at least ${leastToken} visible ASCII characters without spaces`;
}

function digest(token: string): Buffer {
  const { createHash } = process.getBuiltinModule("node:crypto");
  return createHash("sha256").update(token).digest();
}
