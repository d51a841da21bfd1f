import { defineInterface, toClampedUnsignedLong, toDictionary, toEnumeration, toText } from "./web-idl.ts";

/** W3C WebTransport: what the error is about. */
export type WebTransportErrorSource = "stream" | "session";

/** W3C WebTransport: what an error is made of. */
export interface WebTransportErrorOptions {
  source?: WebTransportErrorSource;
  streamErrorCode?: number | null;
}

/** W3C WebTransport §12: what comes from the server or the network, or why a stream is aborted or cancelled here. */
export class WebTransportError extends DOMException {
  readonly #source: WebTransportErrorSource;
  readonly #streamErrorCode: number | null;

  constructor(message = "", options: WebTransportErrorOptions = {}) {
    // Web IDL makes a string of any first argument, as of `new WebTransportError({ streamErrorCode: 1 })`.
    super(toText(message), "WebTransportError");
    const { source, streamErrorCode } = toDictionary(options, "options");
    this.#source = source === undefined ? "stream" : toEnumeration(source, ["stream", "session"], "source");
    this.#streamErrorCode =
      streamErrorCode === undefined || streamErrorCode === null ? null : toClampedUnsignedLong(streamErrorCode);
  }

  get source(): WebTransportErrorSource {
    return this.#source;
  }

  /** 0 to 2^32 - 1; null where there is none. */
  get streamErrorCode(): number | null {
    return this.#streamErrorCode;
  }
}

defineInterface(WebTransportError);

/** The end of a session that nobody here has asked for. `cause`: this library's own error, which says more. */
export function sessionFailure(cause: unknown): WebTransportError {
  const text = cause instanceof Error ? cause.message : "The session has ended";
  const error = new WebTransportError(text, { source: "session" });
  if (cause !== undefined) {
    Object.defineProperty(error, "cause", { value: cause, configurable: true, writable: true, enumerable: false });
  }
  return error;
}

/** The code that a stream is aborted or cancelled with. */
export function codeOf(reason: unknown): number {
  return reason instanceof WebTransportError ? (reason.streamErrorCode ?? 0) : 0;
}
