/**
 * The client alone, without the server.
 *
 * @module tswebtransport/client
 */
export { ClientConfig } from "./client-config.ts";
export type { ClientConfigOptions, ClientConfigValues } from "./client-config.ts";
export type { CertificateHash } from "./certificate-hash.ts";
export { connect } from "./connect.ts";
export type { ClientOptions } from "./connect.ts";
export type { Lookup, LookupAnswer, LookupQuestion } from "./lookup.ts";
export type { WebTransportSession } from "../transport/session/session.ts";
