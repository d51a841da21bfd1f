/**
 * Every name that the reference's server package has exists here in its camelCase form; and what the documentation of our
 * own API names beside them. The migration page tells what becomes of each.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

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

/** As the reference writes them, class by class; the names of its linked pages behind them. */
const namesThere = `
ServerApp serve run server route pattern_route middleware add_middleware on_startup on_shutdown startup shutdown
WebTransportServer listen close serve_forever get_server_stats debug_state diagnose_issues is_serving local_address
session_manager
RequestRouter add_route add_pattern_route remove_route route_request set_default_handler get_all_routes get_route_handler
get_route_stats path_params
MiddlewareManager process_request remove_middleware get_middleware_count
SessionManager max_sessions add_session get_session remove_session get_all_sessions get_sessions_by_state get_session_count
cleanup_closed_sessions get_stats close_all_sessions
ConnectionManager
ServerCluster start_all stop_all get_cluster_stats add_server remove_server get_servers get_server_count is_running
ServerMonitor monitoring_interval get_health_status get_alerts get_metrics_history get_current_metrics is_monitoring
clear_history
create_cors_middleware allowed_origins create_auth_middleware create_rate_limit_middleware RateLimiter max_requests
window_seconds cleanup_interval create_logging_middleware
create_development_server generate_certs create_echo_server_app create_simple_app echo_handler health_check_handler
generate_self_signed_cert
connections_accepted connections_rejected connection_errors protocol_errors uptime closed_at
ServerConfig bind_host bind_port max_connections max_streams_per_connection max_incoming_streams stream_buffer_size
max_stream_buffer_size max_datagram_size read_timeout write_timeout connection_idle_timeout connection_keepalive_timeout
keep_alive certfile keyfile ca_certs verify_mode debug log_level access_log reuse_port connection_cleanup_interval
connection_idle_check_interval session_cleanup_interval stream_cleanup_interval alpn_protocols http_version backlog create
create_for_development create_for_production from_dict validate copy update merge to_dict get_bind_address ConfigBuilder
ClientConfig check_hostname
session_id headers path ready wait_closed create_bidirectional_stream create_unidirectional_stream incoming_streams
get_session_stats get_summary monitor_health created_at ready_at streams_created streams_closed active_streams
bidirectional_streams unidirectional_streams stream_errors bytes_sent bytes_received datagrams_sent datagrams_received
read read_all read_iter readexactly readline readuntil write write_all abort flush
send try_send receive try_receive send_json start_heartbeat send_multiple receive_multiple send_structured
receive_structured receive_with_metadata
EventType Event EventEmitter EventBus on once off on_any off_any emit wait_for listeners listener_count
remove_all_listeners set_max_listeners pause resume get_event_history session_request connection_established
WebTransportError AuthenticationError CertificateError ClientError ConfigurationError ConnectionError DatagramError
FlowControlError HandshakeError ProtocolError ServerError SessionError StreamError TimeoutError error_code
is_fatal_error is_retriable_error get_error_category certificate_not_found connection_timeout datagram_too_large
invalid_config protocol_violation session_not_ready stream_closed ErrorCodes WebTransportConstants Defaults
get_client_config get_server_config
`;

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

  it("each stands on the migration page", () => {
    const page = readFileSync(fileURLToPath(new URL("../../../docs/migration.md", import.meta.url)), "utf8");
    const words = new Set(page.match(/\w+/g));
    const names = namesThere.trim().split(/\s+/);
    expect(names.length).toBeGreaterThan(200);
    expect(names.filter((name) => !words.has(name))).toEqual([]);
  });
});
