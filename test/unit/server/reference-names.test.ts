/**
 * Every name that the reference's server package has exists here in its camelCase form; and what the documentation of our
 * own API names beside them. Cluster and monitor are packages of their own.
 */
import { describe, expect, it } from "vitest";

import * as everything from "../../../src/index.ts";
import * as server from "../../../src/server/index.ts";

const classes: Readonly<Record<string, readonly string[]>> = {
  ServerApp: [
    "serve",
    "run",
    "server",
    "route",
    "patternRoute",
    "middleware",
    "addMiddleware",
    "onStartup",
    "onShutdown",
    "mount",
    "routes",
    "onError",
    "listen",
    "close",
  ],
  WebTransportServer: [
    "listen",
    "close",
    "serveForever",
    "getServerStats",
    "debugState",
    "diagnoseIssues",
    "isServing",
    "localAddress",
    "sessionManager",
    "connectionManager",
    "incomingSessions",
    "updateCertificate",
    "config",
    "on",
    "once",
    "off",
    "onAny",
    "offAny",
    "waitFor",
  ],
  RequestRouter: [
    "addRoute",
    "addPatternRoute",
    "removeRoute",
    "routeRequest",
    "setDefaultHandler",
    "getAllRoutes",
    "getRouteHandler",
    "getRouteStats",
  ],
  MiddlewareManager: ["addMiddleware", "removeMiddleware", "middlewareCount", "processRequest"],
  RateLimiter: ["start", "stop"],
};

const ofServer: Readonly<Record<string, readonly string[]>> = {
  sessionManager: [
    "addSession",
    "removeSession",
    "getSession",
    "getAllSessions",
    "getSessionsByState",
    "getStats",
    "closeAllSessions",
    "shutdown",
    "sessionCount",
    "maxSessions",
  ],
  connectionManager: ["getConnection", "getAllConnections", "getConnectionsByState", "getStats", "closeAllConnections"],
};

const functions = [
  "createCorsMiddleware",
  "createAuthMiddleware",
  "createRateLimitMiddleware",
  "createLoggingMiddleware",
  "createDevelopmentServer",
  "createEchoServerApp",
  "createSimpleApp",
  "echoHandler",
  "healthCheckHandler",
];

const ofPackage = [
  "ServerConfig",
  "ClientConfig",
  "ErrorCodes",
  "WebTransportConstants",
  "Defaults",
  "EventType",
  "LogLevel",
  "RejectionKind",
  "ConnectionState",
  "SessionState",
  "StreamState",
  "IncomingSession",
  "WebTransportConnection",
  "WebTransportSession",
  "WebTransportStream",
  "WebTransportSendStream",
  "WebTransportReceiveStream",
  "WebTransportDatagrams",
  "connect",
  "generateSelfSignedCertificate",
  "isFatalError",
  "isRetriableError",
  "getErrorCategory",
];

function instanceOf(name: string): object {
  const Class = (server as unknown as Readonly<Record<string, new () => object>>)[name];
  if (Class === undefined) throw new Error(`There is no class ${name}`);
  return new Class();
}

function missingIn(target: object, names: readonly string[]): readonly string[] {
  return names.filter((name) => !(name in target));
}

describe("the names of the reference's server package", () => {
  it.each(Object.entries(classes))("%s has its methods and properties", (name, members) => {
    expect(missingIn(instanceOf(name), members)).toEqual([]);
  });

  it.each(Object.entries(ofServer))("a server's %s has its methods and properties", (name, members) => {
    const manager = (new server.WebTransportServer() as unknown as Readonly<Record<string, object>>)[name];
    expect(missingIn(manager ?? {}, members)).toEqual([]);
  });

  it.each(functions)("%s is a function", (name) => {
    expect(typeof (server as Readonly<Record<string, unknown>>)[name]).toBe("function");
  });

  it("the package has all of the server's, and its other names", () => {
    expect(missingIn(everything, Object.keys(server))).toEqual([]);
    expect(missingIn(everything, ofPackage)).toEqual([]);
  });
});
