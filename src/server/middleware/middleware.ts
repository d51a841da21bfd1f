import type { SessionRequest } from "../../transport/session/request.ts";

/**
 * What a middleware answers: `true` lets the request go on, `false` refuses it with 403, a `Response` with its status
 * and headers (its body is not sent).
 */
export type MiddlewareResult = boolean | Response;

/**
 * Looks at a session request before anything is accepted. Only `true` lets it go on; it may also refuse by throwing a
 * `Response` or an `HttpError`. Whatever else it throws or returns is a fault of the middleware: the client gets 500, the
 * log the culprit. `Locals` types `request.locals`, which the session carries on.
 *
 * ```ts
 * const onlyMembers: Middleware<{ member?: string }> = async (request) => {
 *   const member = await findMember(request.url.searchParams.get("member"), { signal: request.signal });
 *   if (member === undefined) return new Response(null, { status: 403 });
 *   request.locals.member = member.name;
 *   return true;
 * };
 * ```
 */
export interface Middleware<Locals = Record<string, unknown>> {
  (request: SessionRequest<Locals>): MiddlewareResult | Promise<MiddlewareResult>;
  /** Awaited before the app listens; what it throws ends the start. The app's `close()` rejects in it. */
  start?(): void | Promise<void>;
  /** Awaited after the app has closed. The app's `close()`, which waits for it, rejects in it. */
  stop?(): void | Promise<void>;
}

/** The middleware's name in logs: its function's, else its place, counted from 1. */
export function middlewareName(middleware: { readonly name: string }, index: number): string {
  return middleware.name === "" ? `#${index + 1}` : middleware.name;
}
