import { WireCodes } from "../constants/wire-codes.ts";
import { WireError } from "../errors/wire-error.ts";

/** What the peer did wrong ends the connection. */
export function connectionError(code: keyof typeof WireCodes, message: string): WireError {
  return new WireError("connection", WireCodes[code], message);
}

/** What the peer did wrong ends the stream, and the session whose stream it is. */
export function streamError(code: keyof typeof WireCodes, message: string): WireError {
  return new WireError("stream", WireCodes[code], message);
}
