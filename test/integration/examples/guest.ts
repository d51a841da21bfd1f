/** A member of the example's room that is no browser. */
import type { TestPair } from "tswebtransport/testing";
import type { CloseInfo, WebTransportSession, WebTransportStream } from "tswebtransport";

import type { ServerMessage } from "../../../examples/room/page/protocol.js";
import { issueToken } from "../../../examples/room/token.mjs";

export class Guest {
  readonly session: WebTransportSession;
  readonly stream: WebTransportStream;

  private constructor(session: WebTransportSession, stream: WebTransportStream) {
    this.session = session;
    this.stream = stream;
  }

  static async enter(pair: TestPair, token: string, room = "lobby"): Promise<Guest> {
    const session = await pair.connect(`/rooms/${room}?token=${token}`);
    for await (const stream of session.incomingBidirectionalStreams) return new Guest(session, stream);
    throw new Error("The room has opened no stream");
  }

  static async named(pair: TestPair, secret: Uint8Array, name: string, room?: string): Promise<Guest> {
    return await Guest.enter(pair, issueToken(name, secret), room);
  }

  /** The next message. */
  async next(): Promise<ServerMessage> {
    const line = await this.stream.readLine();
    if (line === null) throw new Error("The chat has ended");
    return JSON.parse(line) as ServerMessage;
  }

  async say(text: unknown): Promise<void> {
    await this.stream.write(`${JSON.stringify({ text })}\n`);
  }

  /** How the room has closed the session. */
  async dismissal(): Promise<number> {
    const info: CloseInfo = await this.session.closed;
    if (!info.clean) throw info.error;
    return info.code;
  }
}
