import { invariant } from "../../base/invariant.ts";
import { WireCodes } from "../../constants/wire-codes.ts";
import { parseResponse } from "../http3/fields.ts";
import { encodeHeaders } from "../http3/headers-frame.ts";
import { RequestStream } from "../http3/request-stream.ts";
import type { ProtocolLimits } from "../limits.ts";
import type { HeaderList } from "../output.ts";
import type { Outputs } from "../outputs.ts";

import type { FieldSectionExcess, Peer } from "./peer.ts";
import type { Session } from "./session.ts";
import type { Sessions } from "./sessions.ts";
import { chosenProtocol, serializeProtocols } from "./subprotocols.ts";

/** What a client asks for. */
export interface SessionRequest {
  readonly authority: string;
  /** With the query string. */
  readonly path: string;
  readonly headers: HeaderList;
  /** Subprotocols to offer, most preferred first. */
  readonly protocols: readonly string[];
}

/** What only a client does with sessions: it asks for them, and judges the answers. */
export class ClientSessions {
  readonly #sessions: Sessions;
  readonly #limits: ProtocolLimits;
  readonly #outputs: Outputs;
  readonly #peer: Peer;

  constructor(sessions: Sessions, limits: ProtocolLimits, outputs: Outputs, peer: Peer) {
    this.#sessions = sessions;
    this.#limits = limits;
    this.#outputs = outputs;
    this.#peer = peer;
  }

  /** How a request is more than the server takes; undefined when it is not. */
  excessOf(request: SessionRequest): FieldSectionExcess | undefined {
    return this.#peer.excessOf(this.#fieldsOf(request));
  }

  open(streamId: number, request: SessionRequest): void {
    const frame = encodeHeaders(this.#fieldsOf(request));
    const session = this.#sessions.add(new RequestStream(streamId, this.#limits), "asked");
    session.flow = this.#peer.newFlowControl();
    session.offeredProtocols = request.protocols;
    this.#outputs.write(streamId, frame);
  }

  /** A header section of the response. Throws WireError. */
  answered(session: Session, fields: HeaderList, now: number): void {
    const status = parseResponse(fields);
    if (status < 200) return;
    const { id, stream, offeredProtocols = [] } = session;
    session.offeredProtocols = undefined;
    stream.beginBody({ allowsTrailers: status >= 300 });
    if (status >= 300) {
      this.#outputs.push({ type: "sessionRejected", sessionId: id, status, headers: fields });
      this.#sessions.rejected(session, now);
      return;
    }
    const protocol = chosenProtocol(fields, this.#peer.draft?.subprotocols === "tokens") ?? "";
    if (protocol !== "" && !offeredProtocols.includes(protocol)) {
      // draft-ietf-webtrans-http3 §3.3.
      this.#sessions.refuse(session, WireCodes.WT_ALPN_ERROR);
      return;
    }
    this.#outputs.push({ type: "sessionAccepted", sessionId: id, headers: fields, protocol });
    this.#sessions.establish(session, now);
  }

  #fieldsOf(request: SessionRequest): HeaderList {
    const { draft } = this.#peer;
    invariant(draft !== undefined, "sessions are opened by a client that is ready");
    const fields: (readonly [string, string])[] = [
      [":method", "CONNECT"],
      [":protocol", draft.token],
      [":scheme", "https"],
      [":authority", request.authority],
      [":path", request.path],
    ];
    if (request.protocols.length > 0) fields.push(["wt-available-protocols", serializeProtocols(request.protocols)]);
    return [...fields, ...request.headers];
  }
}
