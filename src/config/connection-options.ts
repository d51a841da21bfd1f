import { connectionDefaults as defaults } from "../constants/defaults.ts";
import type { DraftSelection } from "../constants/drafts.ts";

import { consoleLogger, LogLevel } from "./logger.ts";
import type { Logger } from "./logger.ts";
import { aFunction, aLogger, draftSelection, optional } from "./option-checks.ts";
import { choiceOption, flagOption, numberOption, refused, textOption } from "./option-table.ts";
import type { Option } from "./option-table.ts";

/** Options that a server's and a client's connections have alike. Durations in milliseconds, sizes in bytes. */
export interface ConnectionConfigOptions {
  /** PEM chain of this side's certificate, leaf first. */
  readonly cert?: string;
  /** Its PEM private key (PKCS#8, PKCS#1 or SEC1), not encrypted. */
  readonly key?: string;
  /** Path of the PEM chain, instead of `cert`. */
  readonly certfile?: string;
  /** Path of the PEM key, instead of `key`. */
  readonly keyfile?: string;
  /**
   * Drafts of WebTransport that are announced: "all" (the widest set that serves everybody at once, today P2), a profile
   * ("P1", "P1b", "P2"; see `DraftProfileName`) or a list of "draft-02", "draft-07", "draft-13" and "draft-15".
   * Default "all".
   */
  readonly drafts?: DraftSelection;
  /** A connection that hears nothing for so long is lost; 0: never. Default 60000. */
  readonly connectionIdleTimeout?: number;
  /** Interval of PINGs that keep a connection alive; 0: none. Default 25000. */
  readonly keepaliveInterval?: number;
  /** How long a handshake may take: at a server from the client's first packet on, at a client with each address. 1 to 600000. Default 10000. */
  readonly handshakeTimeout?: number;
  /** How long one read waits, then TimeoutError; the stream lives on. 0: no limit. Default 0. */
  readonly readTimeout?: number;
  /** How long a write waits while the peer takes nothing, then TimeoutError. 0: no limit. Default 30000. */
  readonly writeTimeout?: number;
  /** How long a closing session waits for what was finished to be delivered; 0 to 600000. Default 5000. */
  readonly closeTimeout?: number;
  /** How long opening a stream waits for the peer to allow it; 0: without limit. Default 10000. */
  readonly streamCreationTimeout?: number;
  /**
   * Open streams of each direction that the peer may have on a connection, and in each session where both sides speak
   * session flow control; 1 to 1000000. Announced from the start: streams that are not open take no memory, an open one
   * 3 to 5 KB beside its unread bytes, which `maxSessionBufferSize` bounds. Default 512: 4 MB when all of both directions
   * are open.
   */
  readonly maxIncomingStreams?: number;
  /** Bytes of a stream that wait for the reader, and for the writer's high-water mark; 1024 to 2^30. Default 65536. */
  readonly streamBufferSize?: number;
  /**
   * QUIC flow-control window of a stream, `streamBufferSize` to 2^30: a stream that nobody reads holds so much, and what of
   * `streamBufferSize` is more than an eighth of it. Default 1 MiB.
   */
  readonly maxStreamBufferSize?: number;
  /**
   * Bytes that a session's streams may hold unread together, 65536 to 2^31 - 1. While 14 streams of 1 MiB hold the default
   * of 16 MiB, the session's other streams go on; beyond that they wait, and `diagnoseIssues()` tells who holds what. A peer
   * that does not speak session flow control is held only to its connection's window, however its sessions share that.
   *
   * A connection's window begins with half of this (at least a stream's) and grows by what is unread, up to this for every
   * session that the connection may have: at worst 16 × 16 MiB = 256 MiB, of a client's connection, too. A server's windows
   * of all connections grow by no more than half of `maxTotalBufferSize` together.
   */
  readonly maxSessionBufferSize?: number;
  /** Largest DATAGRAM frame that is accepted, 0 to 65535; 0: no datagrams. Default 65535. */
  readonly maxDatagramSize?: number;
  /** Default "cubic". */
  readonly congestionControl?: "cubic" | "newreno" | "bbr";
  /** Of pino's shape. Default: lines on standard error. */
  readonly logger?: Logger;
  /** Least level of what is logged. Default "info" of a server, "warn" of a client. */
  readonly logLevel?: LogLevel;
  /** True is the same as the `logLevel` "debug". Default false. */
  readonly debug?: boolean;
  /** Gets NSS key-log lines, which decrypt the traffic: for debugging only. */
  readonly keylog?: (line: string) => void;
  /** An existing directory: each connection writes a qlog file there, which qvis opens. For debugging only. */
  readonly qlogDirectory?: string;
}

/** Those of them that have no default. */
export type ConnectionOptionWithoutDefault = "cert" | "key" | "certfile" | "keyfile" | "keylog" | "qlogDirectory";

export type ConnectionConfigValues = Required<Omit<ConnectionConfigOptions, ConnectionOptionWithoutDefault>> & {
  readonly [Name in ConnectionOptionWithoutDefault]: ConnectionConfigOptions[Name] | undefined;
};

/** The longest time of a Node timer, and the largest size of many a buffer. */
export const longest = 2 ** 31 - 1;

/** The part of an option table that they are; `logLevel`: its default. */
export const connectionOptions = (logLevel: LogLevel): Record<keyof ConnectionConfigOptions, Option> => ({
  cert: textOption(),
  key: { ...textOption(), secret: true },
  certfile: textOption(),
  keyfile: textOption(),
  drafts: { initial: defaults.drafts, check: draftSelection },
  connectionIdleTimeout: numberOption(defaults.connectionIdleTimeout, 0, longest),
  keepaliveInterval: numberOption(defaults.keepaliveInterval, 0, longest),
  handshakeTimeout: numberOption(defaults.handshakeTimeout, 1, 600_000),
  readTimeout: numberOption(defaults.readTimeout, 0, longest),
  writeTimeout: numberOption(defaults.writeTimeout, 0, longest),
  closeTimeout: numberOption(defaults.closeTimeout, 0, 600_000),
  streamCreationTimeout: numberOption(defaults.streamCreationTimeout, 0, longest),
  maxIncomingStreams: numberOption(defaults.maxIncomingStreams, 1, 1_000_000),
  streamBufferSize: numberOption(defaults.streamBufferSize, 1024, 2 ** 30),
  maxStreamBufferSize: numberOption(defaults.maxStreamBufferSize, 1024, 2 ** 30),
  maxSessionBufferSize: numberOption(defaults.maxSessionBufferSize, 65_536, longest),
  maxDatagramSize: numberOption(defaults.maxDatagramSize, 0, 65_535),
  congestionControl: choiceOption(defaults.congestionControl, "cubic", "newreno", "bbr"),
  logger: { initial: consoleLogger, check: aLogger, live: true },
  logLevel: choiceOption(logLevel, ...Object.values(LogLevel)),
  debug: flagOption(false),
  keylog: { initial: undefined, check: optional(aFunction), live: true },
  qlogDirectory: textOption(),
});

/** Throws ConfigurationError when a reader may have more bytes waiting than its stream's window lets in. */
export function checkBuffers(values: Pick<ConnectionConfigValues, "streamBufferSize" | "maxStreamBufferSize">): void {
  const { streamBufferSize, maxStreamBufferSize } = values;
  if (maxStreamBufferSize >= streamBufferSize) return;
  throw refused(
    "maxStreamBufferSize",
    maxStreamBufferSize,
    `must not be less than streamBufferSize (${streamBufferSize})`,
  );
}

/** Throws ConfigurationError when there are two sources of the certificate or its key, or only one of both. */
export function checkCertificate(
  values: Readonly<Record<"cert" | "key" | "certfile" | "keyfile", string | undefined>>,
): void {
  const { cert, certfile, key, keyfile } = values;
  if (cert !== undefined && certfile !== undefined) throw refused("certfile", certfile, "stands beside cert");
  if (key !== undefined && keyfile !== undefined) throw refused("keyfile", keyfile, "stands beside key");
  const hasCertificate = (cert ?? certfile) !== undefined;
  if (hasCertificate !== ((key ?? keyfile) !== undefined)) {
    const missing = hasCertificate ? "key" : "cert";
    throw refused(missing, undefined, "is missing: a certificate and its key are given together");
  }
}
