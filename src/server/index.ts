/**
 * The server package of the reference API, a part of `tswebtransport`.
 *
 * @module tswebtransport/server
 */
export * from "../cluster/index.ts";
export * from "../monitor/index.ts";
export { ServerApp } from "./app.ts";
export type { LifecycleHook, ServeOptions, ServerAppConfigOptions, ServerAppOptions } from "./app.ts";
export { ConnectionManager } from "./accounts/connection-manager.ts";
export type { ConnectionManagerStats, OpenConnectionState } from "./accounts/connection-manager.ts";
export type { EndedTotals } from "./accounts/counters.ts";
export type { LedgerStats } from "./accounts/ledger.ts";
export { SessionManager } from "./accounts/session-manager.ts";
export type { OpenSessionState, SessionManagerOptions, SessionManagerStats } from "./accounts/session-manager.ts";
export type { ConnectionDebugState, ServerDebugState } from "./diagnosis/debug-state.ts";
export {
  createDevelopmentServer,
  createEchoServerApp,
  createSimpleApp,
  DevelopmentServer,
} from "./development/development-server.ts";
export type { DevelopmentServerOptions } from "./development/development-server.ts";
export { echoHandler, healthCheckHandler } from "./handlers.ts";
export { redactQuery } from "./logging/redact-query.ts";
export { createAuthMiddleware } from "./middleware/auth.ts";
export type { AuthHandler, AuthOptions } from "./middleware/auth.ts";
export { createCorsMiddleware } from "./middleware/cors.ts";
export type { CorsOptions } from "./middleware/cors.ts";
export { createLoggingMiddleware } from "./middleware/logging.ts";
export type { LoggingOptions } from "./middleware/logging.ts";
export type { Middleware, MiddlewareResult } from "./middleware/middleware.ts";
export { MiddlewareManager } from "./middleware/middleware-manager.ts";
export type { MiddlewareManagerOptions, ProcessedRequest } from "./middleware/middleware-manager.ts";
export { createRateLimitMiddleware, RateLimiter } from "./middleware/rate-limit.ts";
export type { RateLimiterStats } from "./middleware/rate-limit.ts";
export type {
  LocalRateLimitOptions,
  RateLimitOptions,
  StoredRateLimitOptions,
} from "./middleware/rate-limit/options.ts";
export type { RateLimitStore } from "./middleware/rate-limit/store.ts";
export { RejectionResponse } from "./middleware/rejection-response.ts";
export type { RejectionResponseOptions } from "./middleware/rejection-response.ts";
export type { ErrorHandler, RegisteredRoute, RouteOptions, SessionHandler } from "./routing/route.ts";
export type { LogSubject } from "./access-log.ts";
export type { CoreRejection } from "./admission/core-refusals.ts";
export type { RefusalCause } from "../protocol/output.ts";
export type { RefusedRequest } from "../transport/connection/owner.ts";
export type { ServerObserver, ServerObservers } from "./observers.ts";
export type { PathParams } from "./routing/path-params.ts";
export { RequestRouter } from "./routing/router.ts";
export type { RoutedRequest, RouteMatch, RouteStats } from "./routing/router.ts";
export { WebTransportServer } from "./server.ts";
export type { CertificateEvent, ServerEventMap } from "./server-events.ts";
export type { ServerStats } from "./server-stats.ts";
export type { ListenOptions, ServerCloseOptions, WebTransportServerOptions } from "./server.ts";
