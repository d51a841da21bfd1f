/** `tswebtransport/server`: the server package of the reference API. */
export { ServerApp } from "./app.ts";
export type { ErrorHandler, LifecycleHook, PathParams, RouteOptions, ServeOptions, SessionHandler } from "./app.ts";
export {
  createDevelopmentServer,
  createEchoServerApp,
  createSimpleApp,
  DevelopmentServer,
} from "./development/development-server.ts";
export type { DevelopmentServerOptions } from "./development/development-server.ts";
export { echoHandler, healthCheckHandler } from "./handlers.ts";
export { RequestRouter } from "./routing/router.ts";
export type { RouteMatch, RouteStats } from "./routing/router.ts";
export { WebTransportServer } from "./server.ts";
export type { ListenOptions, ServerCloseOptions, ServerStats, WebTransportServerOptions } from "./server.ts";
