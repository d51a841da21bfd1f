/**
 * What the protocol core asks for and tells: drained with `pollOutput()` after every input.
 * `write`, `reset`, `stop`, `grant` and `closeConnection` are for the QUIC engine, the rest for the live objects.
 */

export type HeaderList = readonly (readonly [name: string, value: string])[];

/**
 * Why a session request was not even offered: several origins, an authority that is not served, too many sessions, headers
 * over the limits.
 */
export type RefusalCause = "origins" | "authority" | "sessions" | "headers";

export type ProtocolOutput = EngineCommand | ProtocolEvent;

export type EngineCommand =
  | { readonly type: "write"; readonly streamId: number; readonly data: Uint8Array; readonly fin: boolean }
  | { readonly type: "reset"; readonly streamId: number; readonly code: bigint }
  | { readonly type: "stop"; readonly streamId: number; readonly code: bigint }
  /** The core has consumed `bytes` of a stream that it reads itself (or a WebTransport stream's prefix). */
  | { readonly type: "grant"; readonly streamId: number; readonly bytes: number }
  | { readonly type: "closeConnection"; readonly code: bigint; readonly reason: string };

/** The peer's reset of a stream: its wire code, its final size, and how many bytes of its beginning are reliable. */
export interface StreamReset {
  readonly code: bigint;
  readonly finalSize: number;
  readonly reliableSize: number;
}

export type ProtocolEvent =
  /**
   * The peer's SETTINGS have arrived; a client may now call `openSession`. `draft`: the newest that both sides announce,
   * "" when there is none.
   */
  | { readonly type: "ready"; readonly draft: string; readonly datagrams: boolean }
  /** Client: the peer's SETTINGS do not allow WebTransport. The connection is being closed. */
  | { readonly type: "unsupported"; readonly reason: string }
  /** Server: a WebTransport CONNECT that waits for `acceptSession` or `rejectSession`. */
  | {
      readonly type: "sessionRequest";
      readonly sessionId: number;
      /** In the order of the wire, pseudo-headers included. */
      readonly headers: HeaderList;
      /** From `wt-available-protocols`, in the client's order. */
      readonly protocols: readonly string[];
    }
  /**
   * Server: a request that the core has answered itself: a WebTransport CONNECT with 400, 421 or 429; with 431 any that is
   * too large to be read, of which there are no `headers`.
   */
  | {
      readonly type: "requestRefused";
      readonly status: number;
      readonly cause: RefusalCause;
      readonly headers: HeaderList;
    }
  /**
   * Server: a request that is no session, nor CONNECT. It waits for `respond`; its body, if it is wanted, for
   * `readRequest`. Until then nothing of it is read, so QUIC's flow control stops the peer.
   */
  | { readonly type: "request"; readonly streamId: number; readonly headers: HeaderList }
  /** A part of its body, which owns its ArrayBuffer. Its credit is given back with `consumeRequest`. */
  | { readonly type: "requestData"; readonly streamId: number; readonly data: Uint8Array<ArrayBuffer> }
  /** All of its body has come. */
  | { readonly type: "requestEnded"; readonly streamId: number }
  /** It is over before it was answered, by the peer or because of what the peer did wrong, with this wire code. */
  | { readonly type: "requestAborted"; readonly streamId: number; readonly code: bigint }
  /** Server: the session request has ended before it was answered. */
  | { readonly type: "requestCancelled"; readonly sessionId: number }
  /** Client: the server has accepted. */
  | {
      readonly type: "sessionAccepted";
      readonly sessionId: number;
      readonly headers: HeaderList;
      readonly protocol: string;
    }
  /** Client: a final status other than 2xx, or the request stream was reset (status undefined), because of `fault` by this side. */
  | {
      readonly type: "sessionRejected";
      readonly sessionId: number;
      readonly status: number | undefined;
      readonly headers: HeaderList;
      readonly code?: bigint;
      /** What is wrong with the answer. */
      readonly fault?: string | undefined;
    }
  /**
   * A WebTransport stream that the peer has opened, classified. From now on the core steps out of the way: the stream's
   * further events go to its live object. `chunks` are the body bytes that came with or were parked behind the prefix,
   * each owning its ArrayBuffer; they count against the stream's credit. `reset` is set when the peer has reset it since,
   * `stopped` (the wire code) when it has sent STOP_SENDING.
   */
  | {
      readonly type: "stream";
      readonly sessionId: number;
      readonly streamId: number;
      /** Bytes before the body: they count in the stream's final size, but against no limit of the session. */
      readonly prefixLength: number;
      readonly chunks: readonly Uint8Array<ArrayBuffer>[];
      readonly fin: boolean;
      readonly reset: StreamReset | undefined;
      readonly stopped: bigint | undefined;
    }
  /** `payload` owns its ArrayBuffer. */
  | { readonly type: "datagram"; readonly sessionId: number; readonly payload: Uint8Array<ArrayBuffer> }
  /** The peer has raised a limit of the session's flow control. */
  | {
      readonly type: "creditRaised";
      readonly sessionId: number;
      readonly resource: "data" | "bidirectional" | "unidirectional";
    }
  | { readonly type: "sessionDraining"; readonly sessionId: number }
  /** Exactly once for every session that was established, unless the connection closes before. */
  | { readonly type: "sessionClosed"; readonly sessionId: number; readonly info: SessionEnd }
  /** GOAWAY: no new sessions on this connection. */
  | { readonly type: "goaway" };

export type SessionEnd =
  | {
      readonly clean: true;
      readonly code: number;
      readonly reason: string;
      readonly by: "local" | "peer";
      /** The peer's FIN came without WT_CLOSE_SESSION. */
      readonly withoutCapsule?: true;
    }
  | { readonly clean: false; readonly by: "local" | "peer"; readonly wireCode: bigint; readonly message: string };
