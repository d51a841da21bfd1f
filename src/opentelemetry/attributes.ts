/** What spans say of requests and sessions. */
import type { Attributes } from "@opentelemetry/api";

import { HttpError, WebTransportError } from "../errors/errors.ts";
import { fullPath, redactQuery } from "../server/logging/redact-query.ts";
import type { SessionRequest } from "../transport/session/request.ts";
import type { Address, CloseInfo, Session, SessionStats } from "../transport/types.ts";

import { Attribute, OwnAttribute } from "./names.ts";

/** Characters of what the peer has chosen that an attribute keeps. */
const longest = 1024;

/** Of each request: WebTransport is HTTP/3 over QUIC, and its method is CONNECT. */
export const protocolAttributes: Attributes = Object.freeze({
  [Attribute.NETWORK_TRANSPORT]: "quic",
  [Attribute.NETWORK_PROTOCOL_NAME]: "http",
  [Attribute.NETWORK_PROTOCOL_VERSION]: "3",
  [Attribute.HTTP_REQUEST_METHOD]: "CONNECT",
  [Attribute.URL_SCHEME]: "https",
});

interface UrlPath {
  readonly pathname: string;
  readonly search: string;
}

export function pathAttributes(url: UrlPath, isRedacted: boolean): Attributes {
  const query = (isRedacted ? redactQuery(url) : fullPath(url)).slice(url.pathname.length + 1);
  return {
    [Attribute.URL_PATH]: cut(url.pathname),
    ...(query !== "" && { [Attribute.URL_QUERY]: cut(query) }),
  };
}

export function clientAttributes({ host, port, family }: Address): Attributes {
  return {
    [Attribute.CLIENT_ADDRESS]: host,
    [Attribute.CLIENT_PORT]: port,
    [Attribute.NETWORK_TYPE]: family === 6 ? "ipv6" : "ipv4",
    [Attribute.NETWORK_PEER_ADDRESS]: host,
    [Attribute.NETWORK_PEER_PORT]: port,
  };
}

/** Known when a request arrives, so that samplers can decide by it. */
export function requestAttributes(request: SessionRequest<unknown>, isRedacted: boolean): Attributes {
  const { url, rawHeaders, connection, remoteAddress } = request;
  const field = (name: string): string | undefined => rawHeaders.find(([each]) => each === name)?.[1];
  const userAgent = field("user-agent");
  const origin = field("origin");
  const { draft } = connection;
  return {
    ...protocolAttributes,
    ...pathAttributes(url, isRedacted),
    ...serverAttributes(url),
    ...clientAttributes(remoteAddress),
    [OwnAttribute.CONNECTION_ID]: connection.id,
    ...(userAgent !== undefined && { [Attribute.USER_AGENT_ORIGINAL]: cut(userAgent) }),
    ...(origin !== undefined && { [OwnAttribute.ORIGIN]: cut(origin) }),
    ...(draft !== undefined && { [OwnAttribute.DRAFT]: draft }),
  };
}

/** The host that the client has asked for, which need not be an address of the server. */
export function serverAttributes(url: URL): Attributes {
  return {
    [Attribute.SERVER_ADDRESS]: cut(url.hostname.replace(/^\[(.*)\]$/, "$1")),
    [Attribute.SERVER_PORT]: url.port === "" ? 443 : Number(url.port),
  };
}

export function sessionAttributes(session: Session): Attributes {
  return {
    [OwnAttribute.SESSION_ID]: session.id,
    ...(session.protocol !== "" && { [OwnAttribute.SUBPROTOCOL]: session.protocol }),
  };
}

export function endAttributes(info: CloseInfo, stats: SessionStats): Attributes {
  return {
    [OwnAttribute.SESSION_CLOSED_BY]: info.by,
    ...(info.clean && { [OwnAttribute.SESSION_CLOSE_CODE]: info.code }),
    ...(info.clean && info.reason !== "" && { [OwnAttribute.SESSION_CLOSE_REASON]: info.reason }),
    [OwnAttribute.SESSION_STREAMS]: stats.streamsOpened + stats.streamsAccepted,
    [OwnAttribute.SESSION_BYTES_SENT]: stats.bytesSent,
    [OwnAttribute.SESSION_BYTES_RECEIVED]: stats.bytesReceived,
    [OwnAttribute.SESSION_DATAGRAMS_SENT]: stats.datagramsSent,
    [OwnAttribute.SESSION_DATAGRAMS_RECEIVED]: stats.datagramsReceived,
    [OwnAttribute.SESSION_DATAGRAMS_DROPPED]: stats.datagramsDropped,
  };
}

/** `error.type`: a status, a code of ours, or the name of the error's class. */
export function errorType(error: unknown): string {
  if (error instanceof HttpError) return String(error.status);
  if (error instanceof WebTransportError) return error.code;
  // By the semantic conventions, for what has no name.
  return error instanceof Error && typeof error.name === "string" && error.name !== "" ? error.name : "_OTHER";
}

function cut(text: string): string {
  return text.length <= longest ? text : text.slice(0, longest);
}
