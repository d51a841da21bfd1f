import { StreamError, TimeoutError } from "../errors/errors.ts";
import type { WebTransportSession } from "../client/index.ts";

import { WebTransportError } from "./web-transport-error.ts";

/** What a session's streams and datagrams need of it. One per WebTransport object: groups are compared by it. */
export interface Transport {
  /** The session, once it is established and as long as it has not ended. */
  readonly session: WebTransportSession | undefined;
  /** "closed" or "failed". */
  readonly isOver: boolean;
  /** Fulfilled with the session when it is established; rejected when it will not be. */
  readonly established: Promise<WebTransportSession>;
  /** Fulfilled, once the session has ended, with what everything that belongs to it ends with. */
  readonly over: Promise<unknown>;
}

/** What has ended a stream, as the W3C has it: the server's reset or stop, a time-out, or else the session's end. */
export async function streamFailure(error: unknown, { over }: Pick<Transport, "over">): Promise<unknown> {
  if (error instanceof TimeoutError) return error;
  const isPeers = error instanceof StreamError && /_(RESET|STOPPED)$/.test(error.code);
  if (!isPeers) return over;
  return new WebTransportError(error.message, { source: "stream", streamErrorCode: error.streamErrorCode });
}

export function invalidState(what: string): DOMException {
  return new DOMException(`Cannot ${what}: the session has ended`, "InvalidStateError");
}

/** The session, once it stands. Rejects with InvalidStateError when it has ended, or never began. */
export async function whenEstablished(transport: Transport, what: string): Promise<WebTransportSession> {
  await transport.established.catch(() => {});
  const { session } = transport;
  if (session === undefined) throw invalidState(what);
  return session;
}
