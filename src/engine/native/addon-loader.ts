/** Finds and loads the native addon, and declares what it exports (`native/addon/src/{lib,endpoint,options}.rs`). */
import { fileURLToPath } from "node:url";

import { EngineError } from "../engine.ts";
import type { EngineErrorCode, SharedKeys } from "../engine.ts";
import { missingAddonText } from "./missing-addon.ts";

export interface Addon {
  readonly NativeEndpoint: new (options: NativeEndpointOptions, deliver: () => void) => NativeEndpoint;
  readonly NativeSocketGroup: new (host: string, port: number, slots: number, steered: boolean) => NativeSocketGroup;
  generateSelfSignedCertificate(hostnames: string[], days: number): GeneratedCertificate;
  generateAuthority(commonName: string, days: number): GeneratedCertificate;
  issueCertificate(hostnames: string[], days: number, authority: string, authorityKey: string): GeneratedCertificate;
}

export interface GeneratedCertificate {
  readonly cert: string;
  readonly key: string;
  readonly sha256: Uint8Array;
}

export interface NativeIdentity {
  readonly cert: string;
  readonly key: string;
}

export interface NativeEndpointOptions {
  readonly host: string;
  readonly port: number;
  readonly reusePort: boolean;
  readonly descriptor?: number;
  readonly steering?: object;
  readonly waker: "uv" | "poll";
  readonly server?: object;
  readonly transport: object;
  readonly keyLog: boolean;
}

export interface NativeConnectOptions {
  readonly host: string;
  readonly port: number;
  readonly serverName: string;
  readonly alpn: readonly string[];
  readonly verification: "system" | "ca" | "hashes" | "insecure";
  readonly ca?: string;
  readonly hashes?: readonly Uint8Array[];
  readonly identity?: NativeIdentity;
}

/** One synchronous call per operation; calls on what has ended are ignored. */
export interface NativeEndpoint {
  localAddress(): { readonly host: string; readonly port: number };
  /** Bytes copied into `scratch`, or the number of bytes needed, negated. */
  takeEvents(scratch: Uint8Array): number;
  takeLarge(index: number): ArrayBuffer;
  /** Whether the endpoint has closed. */
  flush(): boolean;
  connect(options: NativeConnectOptions): number;
  /** -1 while the peer's limit is reached. */
  open(connection: number, unidirectional: boolean): number;
  write(connection: number, stream: number, data: Uint8Array, fin: boolean): number;
  reset(connection: number, stream: number, code: bigint, reliableSize: number): void;
  /** Whether records wait that were made before. */
  stop(connection: number, stream: number, code: bigint): boolean;
  grant(connection: number, stream: number, bytes: number): void;
  setReceiveWindow(connection: number, bytes: number): number;
  unreadBytes(connection: number): number;
  unreadBytesOf(connection: number, stream: number): number;
  setPriority(connection: number, stream: number, session: number, group: number, order: number): void;
  /** Index into "queued", "blocked", "too-large", "unsupported". */
  sendDatagram(connection: number, header: Uint8Array, payload: Uint8Array): number;
  maxDatagramSize(connection: number): number;
  close(connection: number, code: bigint, reason: string): void;
  closeAll(code: bigint, reason: string): void;
  isClosed(): boolean;
  failure(): string | null;
  stopAccepting(silently: boolean): void;
  updateKeys(keys: SharedKeys): void;
  setActiveWorkers(ids: number[], shares?: number[]): void;
  receive(packet: Uint8Array, host: string, port: number, localHost?: string): void;
  updateIdentity(identity: NativeIdentity, serverName?: string): void;
  setReferenced(referenced: boolean): void;
  exportKeyingMaterial(connection: number, label: string, context: Uint8Array, length: number): ArrayBuffer | null;
  /** Writes nine figures: see `NativeConnection.getStats`. Writes nothing for a connection that the addon has freed. */
  connectionFigures(connection: number, figures: Float64Array): void;
  localIp(connection: number): string | null;
  stats(): {
    readonly connections: number;
    readonly pendingHandshakes: number;
    readonly handshakesAccepted: number;
    readonly handshakesRefused: number;
    /** In the order of `handshakeFailureCauses`. */
    readonly handshakeFailures: readonly number[];
    readonly packetsSent: number;
    readonly packetsReceived: number;
    readonly packetsLost: number;
    readonly bytesSent: number;
    readonly bytesReceived: number;
    readonly receiveBufferSize: number;
    readonly sendBufferSize: number;
  };
  /** How many slots there are. */
  survey(first: number, roundTrips: Float64Array): number;
  takeKeyLog(): string[];
}

export interface NativeSocketGroup {
  localAddress(): { readonly host: string; readonly port: number };
  descriptors(): number[];
  steer(active: number[], reading: number[], shares?: number[]): void;
  close(): void;
}

let loaded: Addon | undefined;

/**
 * The addon: the file that TSWEBTRANSPORT_ADDON names, else a local build, else the platform's optional package.
 * Throws {@link EngineError} "unavailable" saying what was tried.
 */
export function loadAddon(): Addon {
  loaded ??= load();
  return loaded;
}

function load(): Addon {
  const here = moduleUrl();
  const override = process.env["TSWEBTRANSPORT_ADDON"];
  const candidates =
    override === undefined || override === ""
      ? [fileURLToPath(new URL("../../../native/build/tswebtransport.node", here)), ...platformPackages()]
      : [override];
  // Not imported: webpack would put its own in the place of a createRequire that it sees.
  const require = process.getBuiltinModule("node:module").createRequire(here);
  const failures: string[] = [];
  for (const candidate of candidates) {
    try {
      return require(candidate) as Addon;
    } catch (error) {
      failures.push(`${candidate}: ${error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)}`);
    }
  }
  throw new EngineError("unavailable", missingAddonText(`${process.platform}-${process.arch}`, failures));
}

/** In what a release publishes it is an expression, which throws where a bundler has made CommonJS of it. */
function moduleUrl(): string {
  try {
    return import.meta.url;
  } catch (cause) {
    const text =
      "Cannot load the native addon from a bundle in CommonJS: modules have no address there. Make it of ES modules, or " +
      "leave tswebtransport out of it (esbuild: --external:tswebtransport)";
    throw new EngineError("unavailable", text, { cause });
  }
}

/** On Linux the package manager installs the one for the C library; asking Node which that is takes milliseconds. */
function platformPackages(): string[] {
  const name = `@tswebtransport/${process.platform}-${process.arch}`;
  return process.platform === "linux" ? [name, `${name}-musl`] : [name];
}

const engineErrorCodes: readonly string[] = [
  "address-in-use",
  "address-not-available",
  "permission-denied",
  "lookup-failed",
  "invalid-certificate",
  "invalid-key",
  "certificate-key-mismatch",
  "invalid-option",
  "unavailable",
  "internal",
] satisfies readonly EngineErrorCode[];

/** Runs a call of the addon; what it throws ("code: message") becomes an {@link EngineError}. */
export function withEngineErrors<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const [, code = "", text = ""] = /^([a-z-]+): ([^]*)$/.exec(message) ?? [];
    if (engineErrorCodes.includes(code)) throw new EngineError(code as EngineErrorCode, text, { cause: error });
    throw new EngineError("invalid-option", message, { cause: error });
  }
}
