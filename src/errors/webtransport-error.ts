import { errorCatalogue } from "./catalogue.ts";
import type { WebTransportErrorCode } from "./catalogue.ts";

/** What an error of the library can tell beside its message. */
export interface WebTransportErrorOptions {
  /** Stable code; each class has its own default. */
  readonly code?: WebTransportErrorCode;
  /** Code on the wire or given by the application (see `ErrorCodes`). */
  readonly errorCode?: number;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
  /** Application code of a stream's reset or stop; null when there is none. */
  readonly streamErrorCode?: number | null;
  /** Where the way to a session has ended. */
  readonly handshakeStage?: HandshakeStage;
}

/**
 * The stages on a client's way to a session, in their order: address look-up, first answer over UDP, QUIC, TLS, agreement
 * on HTTP/3 (ALPN), the server's SETTINGS, its answer to the request, and the subprotocol.
 */
export type HandshakeStage = "dns" | "udp" | "quic" | "tls" | "alpn" | "settings" | "http" | "subprotocol";

/** What every error of this library extends. */
export class WebTransportError extends Error {
  override readonly name: string = "WebTransportError";
  /** Stable: safe to compare and to log. */
  readonly code: WebTransportErrorCode;
  /** The wire's or the application's code, 0 when there is none. */
  readonly errorCode: number;
  /** Further facts as plain data, frozen. */
  readonly details: Readonly<Record<string, unknown>>;
  /** Application code (0 to 2^32 - 1) of the peer's reset or stop, else null. */
  readonly streamErrorCode: number | null;
  /** Of an error that has kept a client from its session: how far it came; else undefined. */
  readonly handshakeStage: HandshakeStage | undefined;

  constructor(message: string, options: WebTransportErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code ?? "ERR_WT_INTERNAL";
    this.errorCode = options.errorCode ?? 0;
    this.details = Object.freeze({ ...options.details });
    this.streamErrorCode = options.streamErrorCode ?? null;
    this.handshakeStage = options.handshakeStage;
  }

  /** A plain object without stack or cyclic references: the class's own fields and the cause's message. */
  toJSON(): Record<string, unknown> {
    const json: Record<string, unknown> = { name: this.name, code: this.code, message: this.message };
    for (const [key, value] of Object.entries(this)) {
      if (key !== "name" && key !== "cause" && value !== undefined) json[key] = plain(value);
    }
    if (this.cause !== undefined) {
      json["cause"] = this.cause instanceof Error ? `${this.cause.name}: ${this.cause.message}` : plain(this.cause);
    }
    return json;
  }
}

/**
 * Makes an error that tells of an event of the transport: no call of the application has led to it, so a stack trace
 * would show nothing but this library, and costs more than everything else of a short session.
 */
export function withoutStack<Made>(make: () => Made): Made {
  const v8 = Error as { stackTraceLimit?: number };
  const limit = v8.stackTraceLimit;
  v8.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    if (limit !== undefined) v8.stackTraceLimit = limit;
  }
}

/** Errors that ended something for good: the same attempt fails again until somebody changes something. */
export function isFatalError(error: unknown): boolean {
  return error instanceof WebTransportError && errorCatalogue[error.code].fatal;
}

/** Errors after which the same attempt may succeed later. HTTP statuses count when they say so (RFC 9110: 408, 425, 429, 502, 503, 504). */
export function isRetriableError(error: unknown): boolean {
  if (!(error instanceof WebTransportError)) return false;
  if ("status" in error && typeof error.status === "number") {
    return [408, 425, 429, 502, 503, 504].includes(error.status);
  }
  return errorCatalogue[error.code].retriable;
}

/** The class in snake case without its suffix: `"stream"`, `"flow_control"`, `"timeout"` …; `"unknown"` for foreign errors. */
export function getErrorCategory(error: unknown): string {
  if (!(error instanceof WebTransportError)) return "unknown";
  if (error.name === "WebTransportError") return "unknown";
  // FlowControlError is "flow_control".
  return error.name
    .replace(/Error$/, "")
    .replace(/\B[A-Z]/g, "_$&")
    .toLowerCase();
}

function plain(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "function" || typeof value === "symbol") return String(value);
  if (value === null || typeof value !== "object") return value;
  if (value instanceof WebTransportError) return value.toJSON();
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  try {
    return JSON.parse(JSON.stringify(value, (_key, item: unknown) => (typeof item === "bigint" ? String(item) : item)));
  } catch {
    return "[not serialisable]";
  }
}
