import { connectionDefaults } from "../../constants/defaults.ts";
import { WireCodes } from "../../constants/wire-codes.ts";
import { encodeHeaders } from "../http3/headers-frame.ts";
import type { ConnectRequest } from "../http3/requests.ts";
import type { HeaderList, RefusalCause } from "../output.ts";
import type { Outputs } from "../outputs.ts";

import { protocolTokens } from "./drafts.ts";
import type { FieldSectionExcess, Peer } from "./peer.ts";
import type { Session } from "./session.ts";
import type { Sessions } from "./sessions.ts";
import { offeredProtocols, serializeProtocol } from "./subprotocols.ts";

/** What the application answers to a session request. */
export interface SessionResponse {
  readonly status: number;
  readonly protocol?: string | undefined;
  readonly headers: HeaderList;
}

/** Which session requests are not even offered. */
export interface SessionPolicy {
  /** Default 16. */
  readonly maxSessions?: number;
  readonly servesAuthority?: ((authority: string) => boolean) | undefined;
}

/** What only a server does with sessions: which requests it offers to the application, when, and how it answers. */
export class ServerSessions {
  readonly #sessions: Sessions;
  readonly #outputs: Outputs;
  readonly #peer: Peer;
  readonly #policy: SessionPolicy;

  constructor(sessions: Sessions, outputs: Outputs, peer: Peer, policy: SessionPolicy) {
    this.#sessions = sessions;
    this.#outputs = outputs;
    this.#peer = peer;
    this.#policy = policy;
  }

  /** A CONNECT request has come. Gives the session that it asks for, unless it is answered or reset already. */
  requested({ stream, head }: ConnectRequest, now: number): Session | undefined {
    const { protocol, scheme, authority = "", fields } = head;
    const { maxSessions = connectionDefaults.maxSessionsPerConnection, servesAuthority } = this.#policy;
    if (protocol === undefined || !protocolTokens.has(protocol)) {
      // RFC 9220 §3.
      this.#sessions.turnDown(stream, { status: 501, headers: [] });
    } else if (scheme !== "https") {
      // draft-ietf-webtrans-http3 §3.2: a malformed message.
      this.#sessions.neverASession(stream.id);
      this.#outputs.abandon(stream, WireCodes.H3_MESSAGE_ERROR);
    } else if (fields.filter(([name]) => name === "origin").length > 1) {
      // RFC 6454 §7.3: a request has one Origin at most; with several it is unclear which one to check.
      this.#turnDown(head, stream, 400, "origins");
    } else if (servesAuthority?.(authority) === false) {
      // RFC 9110 §15.5.20.
      this.#turnDown(head, stream, 421, "authority");
    } else if (this.#sessions.isFull(maxSessions)) {
      this.#turnDown(head, stream, 429, "sessions");
    } else {
      stream.beginBody({ allowsTrailers: false });
      const session = this.#sessions.add(stream, "held");
      session.wantsDraft02 = fields.some(([name, value]) => name === "sec-webtransport-http3-draft02" && value === "1");
      session.heldRequest = { fields, token: protocol };
      if (this.#peer.isKnown) this.#offer(session);
      else this.#sessions.hold(session, now);
      return session;
    }
    this.#outputs.forget(stream.id);
    return undefined;
  }

  /** The peer's SETTINGS have come: the application may see what waited for them (draft-ietf-webtrans-http3 §3.1). */
  settingsKnown(): void {
    for (const session of this.#sessions) if (session.state === "held") this.#offer(session);
  }

  /** How an answer is more than the client takes; undefined when it is not. */
  excessOf(session: Session, response: SessionResponse): FieldSectionExcess | undefined {
    // An answer without the application's fields cannot be made smaller.
    return response.headers.length === 0
      ? undefined
      : this.#peer.excessOf(responseFields(session, response.status, response));
  }

  /** Answers 200; {@link Sessions.establish} follows. */
  accept(session: Session, response: Omit<SessionResponse, "status">): void {
    this.#outputs.write(session.id, encodeHeaders(responseFields(session, 200, response)));
  }

  #offer(session: Session): void {
    const { heldRequest } = session;
    this.#sessions.release(session);
    if (heldRequest === undefined) return;
    const { draft, datagrams, announcesWebTransport } = this.#peer;
    const { fields, token } = heldRequest;
    // Since draft-15 a client must announce all that a session needs; before, what there is must do.
    const suffices = token === "webtransport-h3" ? datagrams : announcesWebTransport || datagrams;
    if (!suffices) {
      this.#sessions.refuse(session, WireCodes.H3_MESSAGE_ERROR);
      return;
    }
    session.flow = this.#peer.newFlowControl();
    session.move("offer");
    const protocols = offeredProtocols(fields, draft?.subprotocols === "tokens");
    this.#outputs.push({ type: "sessionRequest", sessionId: session.id, headers: fields, protocols });
  }

  #turnDown(
    { fields }: ConnectRequest["head"],
    stream: ConnectRequest["stream"],
    status: number,
    cause: RefusalCause,
  ): void {
    this.#sessions.turnDown(stream, { status, headers: [] });
    this.#outputs.push({ type: "requestRefused", status, cause, headers: fields });
  }
}

function responseFields(
  { wantsDraft02 }: Session,
  status: number,
  { protocol, headers }: Omit<SessionResponse, "status">,
): HeaderList {
  const fields: (readonly [string, string])[] = [[":status", String(status)]];
  // Clients of draft-02 from before 2023 insist on this.
  if (wantsDraft02 && status === 200) fields.push(["sec-webtransport-http3-draft", "draft02"]);
  if (protocol !== undefined) fields.push(["wt-protocol", serializeProtocol(protocol)]);
  return [...fields, ...headers];
}
