import { invariant } from "../../base/invariant.ts";
import { WireCodes } from "../../constants/wire-codes.ts";
import { parseResponse } from "../http3/fields.ts";
import type { HeaderList } from "../output.ts";

import type { Outputs } from "./outputs.ts";
import type { Peer } from "./peer.ts";
import type { RequestStream } from "./request-stream.ts";
import { headersFrame } from "./requests.ts";
import type { RequestRole, Requests } from "./requests.ts";
import { chosenProtocol, serializeProtocols } from "./subprotocols.ts";

/** A client's session request. */
export interface SessionRequestInit {
  readonly authority: string;
  /** With the query string. */
  readonly path: string;
  readonly headers: HeaderList;
  /** Subprotocols to offer, most preferred first. */
  readonly protocols: readonly string[];
}

/** A client's side of requests: what it asks for, and what it makes of the answers. */
export class ClientRequests implements RequestRole {
  readonly answers = false;
  readonly #requests: Requests;
  readonly #outputs: Outputs;
  readonly #peer: Peer;
  readonly #establish: (request: RequestStream) => void;
  readonly #offered = new Map<number, readonly string[]>();

  /** `establish`: a session begins. */
  constructor(requests: Requests, outputs: Outputs, peer: Peer, establish: (request: RequestStream) => void) {
    this.#requests = requests;
    this.#outputs = outputs;
    this.#peer = peer;
    this.#establish = establish;
  }

  open(streamId: number, init: SessionRequestInit): void {
    const { draft } = this.#peer;
    invariant(draft !== undefined, "sessions are opened by a client that is ready");
    const request = this.#requests.create(streamId);
    request.flow = this.#peer.newFlowControl();
    this.#offered.set(streamId, init.protocols);
    const fields: (readonly [string, string])[] = [
      [":method", "CONNECT"],
      [":protocol", draft.token],
      [":scheme", "https"],
      [":authority", init.authority],
      [":path", init.path],
    ];
    if (init.protocols.length > 0) fields.push(["wt-available-protocols", serializeProtocols(init.protocols)]);
    this.#outputs.write(streamId, headersFrame([...fields, ...init.headers]));
  }

  headers(request: RequestStream, fields: HeaderList): void {
    const status = parseResponse(fields);
    if (status < 200) return;
    this.#requests.hasHead(request);
    const { id } = request;
    if (status >= 300) {
      this.#outputs.push({ type: "sessionRejected", sessionId: id, status, headers: fields, code: undefined });
      this.#requests.finishWithoutSession(request);
      return;
    }
    const offered = this.#offered.get(id) ?? [];
    this.#offered.delete(id);
    const protocol = chosenProtocol(fields, this.#peer.draft?.subprotocols === "tokens") ?? "";
    if (protocol !== "" && !offered.includes(protocol)) {
      // draft-ietf-webtrans-http3 §3.3.
      this.#requests.refuse(request, WireCodes.WT_ALPN_ERROR);
      return;
    }
    this.#requests.sessions += 1;
    this.#outputs.push({ type: "sessionAccepted", sessionId: id, headers: fields, protocol });
    this.#establish(request);
  }

  failed(request: RequestStream, code: bigint): void {
    this.#outputs.push({ type: "sessionRejected", sessionId: request.id, status: undefined, headers: [], code });
  }

  forgotten(sessionId: number): void {
    this.#offered.delete(sessionId);
  }
}
