import { context } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";

const contexts = new WeakMap<object, Context>();

export function setContext(subject: object, value: Context): void {
  contexts.set(subject, value);
}

/**
 * The context of a session, or of its request: its span, and what the headers of the request carried. The active context
 * for one that is not instrumented. It is active already in middleware, in handlers and in what they await; listeners of
 * events and loops over `incomingSessions()` run outside of it.
 *
 * ```ts
 * session.on("session_draining", () => context.with(contextOf(session), () => save()));
 * ```
 */
export function contextOf(subject: object): Context {
  return contexts.get(subject) ?? context.active();
}
