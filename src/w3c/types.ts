/** The dictionaries and enumerations of W3C WebTransport. Durations in milliseconds, sizes in bytes. */
import type { ClientConfig, ClientConfigOptions } from "../client/index.ts";

import type { WebTransportSendGroup } from "./send-group.ts";

/** "supports-unreliable" once the session is established: there is no WebTransport over TCP here. */
export type WebTransportReliabilityMode = "pending" | "reliable-only" | "supports-unreliable";
/** What the connection's congestion control is to favour. */
export type WebTransportCongestionControl = "default" | "throughput" | "low-latency";

/** A certificate that is trusted by its hash. */
export interface WebTransportHash {
  /** "sha-256"; others are ignored. */
  algorithm: string;
  /** 32 bytes. */
  value: ArrayBuffer | ArrayBufferView;
}

/** Those of the W3C's, and what a browser has settings for (`ca`, `cert`, `insecure`, time-outs …). */
export interface WebTransportOptions extends NodeOptions {
  /**
   * May share a connection with other sessions that allow it, to the same origin and with the same other options, while the
   * server allows it. Default false.
   */
  allowPooling?: boolean;
  /** Met always: there is no WebTransport over TCP here. */
  requireUnreliable?: boolean;
  /** Those that Fetch forbids are dropped, except `origin`, which a process has none of. */
  headers?: Headers | Record<string, string> | Iterable<readonly [string, string]>;
  /** Trusts these certificates alone, by the rules of browsers: ECDSA P-256, valid for 14 days at most. */
  serverCertificateHashes?: WebTransportHash[];
  congestionControl?: WebTransportCongestionControl;
  /** How many the server may open at a time; null: the default. */
  anticipatedConcurrentIncomingUnidirectionalStreams?: number | null;
  /** How many the server may open at a time; null: the default. */
  anticipatedConcurrentIncomingBidirectionalStreams?: number | null;
  /** Subprotocols to offer, most preferred first. */
  protocols?: string[];
  /** "bytes": datagrams can be read with a BYOB reader. */
  datagramsReadableType?: "bytes";
  /** Not the W3C's: the same settings as one object. Options that stand beside it override it. */
  config?: ClientConfig | ClientConfigOptions;
}

/** Options of `connect()` that the W3C's class takes, too. */
type NodeOptions = Omit<ClientConfigOptions, keyof W3cNames | OptionOfTheClass>;
type W3cNames = Record<
  "allowPooling" | "headers" | "serverCertificateHashes" | "congestionControl" | "protocols",
  true
>;
/** It sets them itself. */
type OptionOfTheClass = "readTimeout" | "writeTimeout" | "maxRetries" | "maxIncomingStreams";

/** W3C WebTransport: how a session was closed. */
export interface WebTransportCloseInfo {
  /** 0 to 2^32 - 1. Default 0. */
  closeCode?: number;
  /** Sent up to 1024 bytes of UTF-8. Default "". */
  reason?: string;
}

/** W3C WebTransport: a stream's place among those that are sent. */
export interface WebTransportSendOptions {
  /** Made by the same session's `createSendGroup()`; null: none. */
  sendGroup?: WebTransportSendGroup | null;
  /** Higher ones are sent first, within their group. Default 0. */
  sendOrder?: number;
}

/** W3C WebTransport: options for opening a stream. */
export interface WebTransportSendStreamOptions extends WebTransportSendOptions {
  /** Wait for the server to allow a stream; otherwise QuotaExceededError. Default false. */
  waitUntilAvailable?: boolean;
}
