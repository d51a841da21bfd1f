import { checkOptions } from "../../config/given-options.ts";
import type { Check } from "../../config/option-checks.ts";
import { AuthenticationError, ConfigurationError } from "../../errors/errors.ts";
import type { SessionRequest } from "../../transport/session/request.ts";

import type { Middleware } from "./middleware.ts";
import { RejectionResponse } from "./rejection-response.ts";

/**
 * Whether the client may connect: only `true` admits it. May put what it found out into `request.locals`, which the
 * session carries on.
 */
export type AuthHandler<Locals = Record<string, unknown>> = (
  headers: Headers,
  request: SessionRequest<Locals>,
) => boolean | Promise<boolean>;

/** Options of `createAuthMiddleware`. */
export interface AuthOptions {
  /** Of the `www-authenticate` header (RFC 9110 §11.6.1). Default "Bearer". */
  readonly scheme?: string;
  /** Its `realm`: printable ASCII. Default: none. */
  readonly realm?: string;
}

/**
 * Refuses (401 with `www-authenticate`) requests for which `handler` does not return `true`, or throws an
 * AuthenticationError. Another error of it is a fault: 500; an `HttpError` or a `Response` that it throws keeps its status.
 * Throws ConfigurationError for a scheme or realm that cannot stand in a header.
 *
 * Browsers cannot set headers on a WebTransport: their tokens come in the query or in a subprotocol.
 *
 * ```ts
 * app.middleware(
 *   createAuthMiddleware(async (headers, request) => {
 *     const token = headers.get("authorization")?.replace(/^Bearer /, "") ?? request.url.searchParams.get("token");
 *     const user = await findUser(token, { signal: request.signal });
 *     request.locals.user = user;
 *     return user !== undefined;
 *   }),
 * );
 * ```
 */
export function createAuthMiddleware<Locals = Record<string, unknown>>(
  handler: AuthHandler<Locals>,
  options: AuthOptions = {},
): Middleware<Locals> {
  if (typeof handler !== "function") {
    throw new ConfigurationError("The handler of createAuthMiddleware must be a function", {
      configKey: "handler",
      configValue: handler,
    });
  }
  checkOptions("createAuthMiddleware", options, { scheme: schemeFault, realm: realmFault });
  const challenge = challengeOf(options);
  const refused = (reason: string, cause?: unknown): RejectionResponse =>
    new RejectionResponse(401, { kind: "auth", reason, headers: { "www-authenticate": challenge }, cause });
  return async function auth(request) {
    try {
      const result: unknown = await handler(request.headers, request);
      if (result === true) return true;
      if (result === false) return refused("the auth handler has refused the client's credentials");
      return refused(`the auth handler returned ${typeof result}: only true admits a client`, result);
    } catch (error) {
      if (!(error instanceof AuthenticationError)) throw error;
      return refused(`the client is not authenticated: ${error.message}`, error);
    }
  };
}

/** RFC 9110 §11.1: a scheme is a token. */
const schemeFault: Check = (value) =>
  typeof value === "string" && /^[!#$%&'*+\-.^_`|~\w]+$/.test(value) ? undefined : "must be a token (RFC 9110 §5.6.2)";

const realmFault: Check = (value) =>
  typeof value === "string" && /^[ -~]*$/.test(value) ? undefined : "must be printable ASCII";

function challengeOf({ scheme = "Bearer", realm }: AuthOptions): string {
  if (realm === undefined) return scheme;
  return `${scheme} realm="${realm.replaceAll(/["\\]/g, "\\$&")}"`;
}
