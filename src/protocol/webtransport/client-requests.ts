import { invariant } from "../../base/invariant.ts";
import { WireCodes } from "../../constants/wire-codes.ts";
import { encodeHeaders } from "../http3/frames.ts";
import { parseResponse } from "../http3/fields.ts";
import { streamError } from "../wire-errors.ts";
import type { HeaderList } from "../output.ts";

import type { Outputs } from "./outputs.ts";
import type { FieldSectionExcess, Peer } from "./peer.ts";
import type { RequestStream } from "./request-stream.ts";
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

  /** How a request is more than the server takes; undefined when it is not. */
  excessOf(init: SessionRequestInit): FieldSectionExcess | undefined {
    return this.#peer.excessOf(this.#fieldsOf(init));
  }

  open(streamId: number, init: SessionRequestInit): void {
    const frame = encodeHeaders(this.#fieldsOf(init));
    const request = this.#requests.create(streamId);
    request.flow = this.#peer.newFlowControl();
    this.#offered.set(streamId, init.protocols);
    this.#outputs.write(streamId, frame);
  }

  headers(request: RequestStream, fields: HeaderList): void {
    const status = parseResponse(fields);
    if (status < 200) return;
    this.#requests.hasHead(request);
    const { id } = request;
    if (status >= 300) {
      this.#outputs.push({ type: "sessionRejected", sessionId: id, status, headers: fields });
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

  headersTooLarge(_request: RequestStream, length: number): void {
    throw streamError("H3_EXCESSIVE_LOAD", `the response's header section is too large (a frame of ${length} bytes)`);
  }

  failed(request: RequestStream, code: bigint, fault?: string): void {
    this.#outputs.push({ type: "sessionRejected", sessionId: request.id, status: undefined, headers: [], code, fault });
  }

  forgotten(sessionId: number): void {
    this.#offered.delete(sessionId);
  }

  #fieldsOf(init: SessionRequestInit): HeaderList {
    const { draft } = this.#peer;
    invariant(draft !== undefined, "sessions are opened by a client that is ready");
    const fields: (readonly [string, string])[] = [
      [":method", "CONNECT"],
      [":protocol", draft.token],
      [":scheme", "https"],
      [":authority", init.authority],
      [":path", init.path],
    ];
    if (init.protocols.length > 0) fields.push(["wt-available-protocols", serializeProtocols(init.protocols)]);
    return [...fields, ...init.headers];
  }
}
