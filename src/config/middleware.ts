/** What a session request shows to middleware of a configuration; the server's `SessionRequest` shows more. */
export interface ConfiguredRequest {
  readonly url: URL;
  /** Without the query string. */
  readonly path: string;
  readonly headers: Headers;
  readonly origin: string | undefined;
  readonly authority: string;
  readonly remoteAddress: { readonly host: string; readonly port: number; readonly family: 4 | 6 };
  /** Subprotocols that the client offers, in its order. */
  readonly protocols: readonly string[];
  /** Carried on to the session. */
  readonly locals: unknown;
  /** Aborts when the client takes the request back. */
  readonly signal: AbortSignal;
}

type Answer = boolean | Response;

/**
 * Middleware as a configuration holds it; see the server's `Middleware`. Written as a method, because its parameter may be
 * more than a {@link ConfiguredRequest}: the server always gives a whole `SessionRequest`.
 */
interface Asked {
  ask(request: ConfiguredRequest): Answer | Promise<Answer>;
}

/** Middleware of a configuration: asked before the app's own, whatever the locals are. */
export type ConfiguredMiddleware = Asked["ask"] & {
  start?(): void | Promise<void>;
  stop?(): void | Promise<void>;
};
