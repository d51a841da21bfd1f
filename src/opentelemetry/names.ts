/** Names of attributes, metrics and events: the stable semantic conventions of OpenTelemetry, and our own under `webtransport.`. */

/** Of spans and metrics, by the semantic conventions. */
export const Attribute = Object.freeze({
  CLIENT_ADDRESS: "client.address",
  CLIENT_PORT: "client.port",
  ERROR_TYPE: "error.type",
  HTTP_REQUEST_METHOD: "http.request.method",
  HTTP_RESPONSE_STATUS_CODE: "http.response.status_code",
  HTTP_ROUTE: "http.route",
  NETWORK_LOCAL_ADDRESS: "network.local.address",
  NETWORK_LOCAL_PORT: "network.local.port",
  NETWORK_PEER_ADDRESS: "network.peer.address",
  NETWORK_PEER_PORT: "network.peer.port",
  NETWORK_PROTOCOL_NAME: "network.protocol.name",
  NETWORK_PROTOCOL_VERSION: "network.protocol.version",
  NETWORK_TRANSPORT: "network.transport",
  NETWORK_TYPE: "network.type",
  SERVER_ADDRESS: "server.address",
  SERVER_PORT: "server.port",
  URL_FULL: "url.full",
  URL_PATH: "url.path",
  URL_QUERY: "url.query",
  URL_SCHEME: "url.scheme",
  USER_AGENT_ORIGINAL: "user_agent.original",
} as const);

/** Of spans and metrics, our own. */
export const OwnAttribute = Object.freeze({
  CONNECTION_ID: "webtransport.connection.id",
  CONNECTION_OUTCOME: "webtransport.connection.outcome",
  DIRECTION: "webtransport.direction",
  DRAFT: "webtransport.draft",
  ORIGIN: "webtransport.origin",
  /** "accepted", "rejected" or "abandoned". */
  REQUEST_OUTCOME: "webtransport.request.outcome",
  /** One of `RejectionKind`. */
  REJECTION_KIND: "webtransport.rejection.kind",
  REJECTION_REASON: "webtransport.rejection.reason",
  SESSION_BYTES_RECEIVED: "webtransport.session.bytes_received",
  SESSION_BYTES_SENT: "webtransport.session.bytes_sent",
  SESSION_CLOSE_CODE: "webtransport.session.close.code",
  SESSION_CLOSE_REASON: "webtransport.session.close.reason",
  /** "local", "peer" or "transport". */
  SESSION_CLOSED_BY: "webtransport.session.closed_by",
  SESSION_DATAGRAMS_DROPPED: "webtransport.session.datagrams_dropped",
  SESSION_DATAGRAMS_RECEIVED: "webtransport.session.datagrams_received",
  SESSION_DATAGRAMS_SENT: "webtransport.session.datagrams_sent",
  SESSION_ID: "webtransport.session.id",
  SESSION_STREAMS: "webtransport.session.streams",
  SUBPROTOCOL: "webtransport.subprotocol",
} as const);

/** Of a span. */
export const EventName = Object.freeze({
  ACCEPTED: "webtransport.request.accepted",
  REJECTED: "webtransport.request.rejected",
  ABANDONED: "webtransport.request.abandoned",
  HANDLER_STARTED: "webtransport.handler.started",
  HANDLER_ENDED: "webtransport.handler.ended",
} as const);

export const scope = Object.freeze({ name: "tswebtransport", version: "0.1.0" });
