/** `tswebtransport/server`: the server package of the reference API. */
export { ServerApp } from "./app.ts";
export type { ErrorHandler, LifecycleHook, PathParams, ServeOptions } from "./app.ts";
export { ConnectionManager } from "./accounts/connection-manager.ts";
export type { ConnectionManagerStats, OpenConnectionState } from "./accounts/connection-manager.ts";
export type { EndedTotals } from "./accounts/counters.ts";
export type { LedgerStats } from "./accounts/ledger.ts";
export { SessionManager } from "./accounts/session-manager.ts";
export type { OpenSessionState, SessionManagerOptions, SessionManagerStats } from "./accounts/session-manager.ts";
export {
  createDevelopmentServer,
  createEchoServerApp,
  createSimpleApp,
  DevelopmentServer,
} from "./development/development-server.ts";
export type { DevelopmentServerOptions } from "./development/development-server.ts";
export { echoHandler, healthCheckHandler } from "./handlers.ts";
export type { RouteOptions, SessionHandler } from "./routing/route.ts";
export { RequestRouter } from "./routing/router.ts";
export type { RouteMatch, RouteStats } from "./routing/router.ts";
export { WebTransportServer } from "./server.ts";
export type { ServerStats } from "./server-stats.ts";
export type { ListenOptions, ServerCloseOptions, WebTransportServerOptions } from "./server.ts";
