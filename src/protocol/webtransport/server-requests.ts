import { connectionDefaults } from "../../constants/defaults.ts";
import { WireCodes } from "../../constants/wire-codes.ts";
import { DeadlineList } from "../deadlines.ts";
import { streamError } from "../http3/frame-reader.ts";
import { parseRequest } from "../http3/fields.ts";
import type { ProtocolLimits } from "../limits.ts";
import type { HeaderList, RefusalCause } from "../output.ts";

import { protocolTokens } from "./drafts.ts";
import type { Outputs } from "./outputs.ts";
import type { FieldSectionExcess, Peer } from "./peer.ts";
import type { RequestStream } from "./request-stream.ts";
import { headersFrame } from "./requests.ts";
import type { RequestHost, RequestRole, Requests } from "./requests.ts";
import { offeredProtocols, serializeProtocol } from "./subprotocols.ts";

/** What the application answers. */
export interface SessionResponse {
  readonly status: number;
  readonly protocol?: string;
  readonly headers: HeaderList;
}

/** Which requests are not even offered. */
export interface RequestPolicy {
  /** Default 16. */
  readonly maxSessions?: number;
  readonly servesAuthority?: ((authority: string) => boolean) | undefined;
}

/** A server's side of requests: which of them are offered to the application, and when. */
export class ServerRequests implements RequestRole {
  readonly answers = true;
  readonly #requests: Requests;
  readonly #outputs: Outputs;
  readonly #host: RequestHost;
  readonly #peer: Peer;
  readonly #policy: RequestPolicy;
  /** Session requests that wait for the peer's SETTINGS. */
  readonly #held = new Map<number, { readonly fields: HeaderList; readonly token: string }>();
  readonly #heldDeadlines: DeadlineList<number>;
  readonly #offered = new Set<number>();

  constructor(
    requests: Requests,
    outputs: Outputs,
    host: RequestHost,
    peer: Peer,
    limits: ProtocolLimits,
    policy: RequestPolicy,
  ) {
    this.#requests = requests;
    this.#outputs = outputs;
    this.#host = host;
    this.#peer = peer;
    this.#policy = policy;
    this.#heldDeadlines = new DeadlineList(limits.settingsTimeout);
  }

  get nextDeadline(): number {
    return this.#heldDeadlines.next;
  }

  handleTimeout(now: number): void {
    for (const streamId of this.#heldDeadlines.expire(now)) {
      const request = this.#requests.get(streamId);
      if (request !== undefined) this.#requests.refuse(request, WireCodes.H3_REQUEST_REJECTED);
    }
  }

  headers(request: RequestStream, fields: HeaderList): void {
    this.#requests.hasHead(request);
    const head = parseRequest(fields);
    if (head.method !== "CONNECT") {
      const length = fields.find(([name]) => name === "content-length")?.[1];
      request.contentLength = length === undefined ? undefined : Number(length);
      this.#requests.respond(request, 404, [], false);
      return;
    }
    if (head.protocol === undefined || !protocolTokens.has(head.protocol)) {
      // RFC 9220 §3.
      this.#requests.respond(request, 501, []);
      return;
    }
    if (head.scheme !== "https") throw streamError("H3_MESSAGE_ERROR", "malformed message: :scheme is not https");
    if (fields.filter(([name]) => name === "origin").length > 1) {
      // RFC 6454 §7.3: a request has one Origin at most; which of several to judge is nobody's to guess.
      this.#turnDown(request, 400, "origins", fields);
      return;
    }
    const { maxSessions = connectionDefaults.maxSessionsPerConnection, servesAuthority } = this.#policy;
    if (servesAuthority?.(head.authority ?? "") === false) {
      // RFC 9110 §15.5.20.
      this.#turnDown(request, 421, "authority", fields);
      return;
    }
    if (this.#requests.sessions >= maxSessions) {
      this.#turnDown(request, 429, "sessions", fields);
      return;
    }
    this.#requests.sessions += 1;
    request.state = "waiting";
    request.wantsDraft02 = fields.some(([name, value]) => name === "sec-webtransport-http3-draft02" && value === "1");
    if (this.#peer.settings === undefined) {
      this.#held.set(request.id, { fields, token: head.protocol });
      this.#heldDeadlines.set(request.id, this.#host.now());
    } else {
      this.#offer(request, fields, head.protocol);
    }
  }

  headersTooLarge(request: RequestStream): void {
    // RFC 6585 §5. At once: a client that is told so need not send the rest; one that does is read until it has.
    this.#requests.respond(request, 431, [], false);
    this.tellTooLarge();
  }

  /** A request was answered 431. */
  tellTooLarge(): void {
    this.#outputs.push({ type: "requestRefused", status: 431, cause: "headers", headers: [] });
  }

  /** The peer's SETTINGS have come: the application may see what waited for them (draft-ietf-webtrans-http3 §3.1). */
  settingsKnown(): void {
    for (const [streamId, { fields, token }] of [...this.#held]) {
      this.#unhold(streamId);
      const request = this.#requests.get(streamId);
      if (request !== undefined) this.#offer(request, fields, token);
    }
  }

  /** How an answer is more than the client takes; undefined when it is not. */
  excessOf(request: RequestStream, response: SessionResponse): FieldSectionExcess | undefined {
    // Where there is nothing of the application's, there is nothing to leave out.
    return response.headers.length === 0 ? undefined : this.#peer.excessOf(responseFields(request, response));
  }

  accept(request: RequestStream, response: Omit<SessionResponse, "status">): void {
    this.#offered.delete(request.id);
    this.#outputs.write(request.id, headersFrame(responseFields(request, { ...response, status: 200 })));
  }

  failed(request: RequestStream): void {
    if (this.#offered.delete(request.id)) this.#outputs.push({ type: "requestCancelled", sessionId: request.id });
    this.#unhold(request.id);
  }

  forgotten(sessionId: number): void {
    this.#offered.delete(sessionId);
    this.#unhold(sessionId);
  }

  #offer(request: RequestStream, fields: HeaderList, token: string): void {
    const { draft, datagrams, announcesWebTransport } = this.#peer;
    // Since draft-15 a client must announce all that a session needs; before, what there is must do.
    const suffices = token === "webtransport-h3" ? datagrams : announcesWebTransport || datagrams;
    if (!suffices) {
      this.#requests.refuse(request, WireCodes.H3_MESSAGE_ERROR);
      return;
    }
    request.flow = this.#peer.newFlowControl();
    this.#offered.add(request.id);
    const protocols = offeredProtocols(fields, draft?.subprotocols === "tokens");
    this.#outputs.push({ type: "sessionRequest", sessionId: request.id, headers: fields, protocols });
  }

  #turnDown(request: RequestStream, status: number, cause: RefusalCause, headers: HeaderList): void {
    this.#requests.respond(request, status, []);
    this.#outputs.push({ type: "requestRefused", status, cause, headers });
  }

  #unhold(streamId: number): void {
    this.#held.delete(streamId);
    this.#heldDeadlines.cancel(streamId);
  }
}

function responseFields({ wantsDraft02 }: RequestStream, { status, protocol, headers }: SessionResponse): HeaderList {
  const fields: (readonly [string, string])[] = [[":status", String(status)]];
  // Clients of draft-02 from before 2023 insist on this.
  if (wantsDraft02 && status === 200) fields.push(["sec-webtransport-http3-draft", "draft02"]);
  if (protocol !== undefined) fields.push(["wt-protocol", serializeProtocol(protocol)]);
  return [...fields, ...headers];
}
