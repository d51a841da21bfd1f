import { tracingChannel } from "node:diagnostics_channel";
import type { TracingChannel } from "node:diagnostics_channel";

import type { WebTransportSession } from "../transport/session/session.ts";

/** A message of {@link connectChannel}: one object for a call of `connect()`, from `start` to `asyncEnd`. */
export interface ConnectMessage {
  readonly url: URL;
  /** Of the session request. A subscriber of `start` may add to them. */
  readonly headers: Headers;
  /** Behind `asyncStart`, when the call has succeeded. */
  readonly result?: WebTransportSession;
  /** Behind `error`. */
  readonly error?: unknown;
}

/** The tracing channels `tracing:tswebtransport:connect:start`, `:end`, `:asyncStart`, `:asyncEnd` and `:error`. */
export const connectChannel: TracingChannel<ConnectMessage, ConnectMessage> = tracingChannel("tswebtransport:connect");
