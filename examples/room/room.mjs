// A room: who is in it, and what its members are told. Nobody waits for anybody here: what a member does not take is
// bounded, and its own loss.
import { setTimeout as delay } from "node:timers/promises";

import { StreamError } from "tswebtransport";

import { CloseCode, MAX_TEXT, MEMBER_CURSOR_SIZE, decodeCursor, encodeCursors } from "./page/protocol.js";

/**
 * @typedef {import("./token.mjs").User} User
 * @typedef {import("./page/protocol.js").ServerMessage} ServerMessage
 * @typedef {import("./page/protocol.js").Cursor} Cursor
 * @typedef {import("tswebtransport").WebTransportSession<Readonly<Record<"room", string>>, { user: User }>} RoomSession
 * @typedef {import("tswebtransport").WebTransportStream} WebTransportStream
 */

/**
 * @typedef {object} RoomLimits
 * @property {number} members Of one room.
 * @property {number} chatBacklog Bytes of chat that wait for one member; one that is over it has to leave. More than what
 *   several members' bursts make, because bytes leave at the end of a turn.
 * @property {number} chatInterval Milliseconds between two messages of one member, on the average; more wait in the
 *   member's own browser, because its stream is not read any faster.
 * @property {number} chatBurst Messages that a member may send at once.
 * @property {number} cursorInterval Milliseconds between two datagrams to one member.
 */

/** @type {RoomLimits} */
export const defaultLimits = {
  members: 50,
  chatBacklog: 256 * 1024,
  chatInterval: 500,
  chatBurst: 10,
  cursorInterval: 33,
};

/** Bytes of a line: each UTF-16 unit of the text may be escaped ("\u0000"), and the object is around it. */
const MAX_LINE = 6 * MAX_TEXT + 64;

/** Milliseconds after which a cursor that could not be sent is not worth sending any more. */
const CURSOR_MAX_AGE = 200;

/** Datagrams that may wait for one member; the oldest is dropped first. */
const CURSOR_QUEUE = 4;

export class Room {
  #limits;
  /** @type {Set<Member>} */
  #members = new Set();
  /** The newest cursors that the members have not been told of; older ones are never sent. @type {Map<Member, Cursor>} */
  #moved = new Map();
  /** @type {NodeJS.Timeout | undefined} */
  #flush;
  #lastId = 0;

  /** @param {RoomLimits} limits */
  constructor(limits) {
    this.#limits = limits;
  }

  get isEmpty() {
    return this.#members.size === 0;
  }

  /**
   * Serves one member until it leaves.
   *
   * @param {RoomSession} session
   * @param {WebTransportStream} stream Of its chat.
   */
  async serve(session, stream) {
    const member = this.#enter(session, stream);
    if (member === undefined) return;
    // Ends with the session, and fails with it when that does not end cleanly: the chat says so, too.
    this.#followCursor(member).catch(() => {});
    try {
      await this.#followChat(member);
    } finally {
      this.#leave(member);
    }
  }

  /**
   * Nothing is awaited here: two that come at the same time cannot both get a name.
   *
   * @param {RoomSession} session
   * @param {WebTransportStream} stream
   * @returns {Member | undefined}
   */
  #enter(session, stream) {
    const { user } = session.locals;
    const namesake = [...this.#members].find(({ name }) => sameName(name, user.name));
    if (namesake !== undefined && namesake.userId !== user.id) {
      void session.close({ code: CloseCode.NAME_TAKEN, reason: `${user.name} is in the room already` });
      return undefined;
    }
    if (namesake === undefined && this.#members.size >= this.#limits.members) {
      void session.close({ code: CloseCode.ROOM_FULL, reason: "The room is full" });
      return undefined;
    }
    if (namesake !== undefined) {
      // The same user again: its old session may have lost its network, and nobody has noticed yet.
      this.#leave(namesake);
      namesake.remove(CloseCode.REPLACED, "You have joined from elsewhere");
    }
    this.#lastId += 1;
    const member = new Member(this.#lastId, session, stream, this.#limits);
    this.#tell({ type: "joined", ...member.person });
    this.#members.add(member);
    member.tell({ type: "welcome", you: member.id, members: [...this.#members].map(({ person }) => person) });
    return member;
  }

  /** @param {Member} member */
  #leave(member) {
    this.#moved.delete(member);
    if (this.#members.delete(member)) this.#tell({ type: "left", id: member.id });
  }

  /** @param {Member} member */
  async #followChat(member) {
    const { chatInterval, chatBurst } = this.#limits;
    // A token bucket: `paidUntil` is when the messages so far would have come at the allowed pace.
    let paidUntil = 0;
    for (;;) {
      const text = await member.readText();
      if (text === undefined) return;
      this.#tell({ type: "chat", id: member.id, name: member.name, text });
      const now = performance.now();
      paidUntil = Math.max(paidUntil, now) + chatInterval;
      const ahead = paidUntil - now - chatInterval * chatBurst;
      // Until it is read again, QUIC's flow control stops the sender.
      if (ahead > 0) await delay(ahead, undefined, { signal: member.session.signal }).catch(() => {});
    }
  }

  /** @param {Member} member */
  async #followCursor(member) {
    let newest = -1;
    for await (const datagram of member.session.datagrams) {
      const cursor = decodeCursor(datagram);
      // It was overtaken, or is none.
      if (cursor === undefined || cursor.sequence <= newest) continue;
      newest = cursor.sequence;
      if (!this.#members.has(member)) return;
      this.#moved.set(member, cursor);
      if (this.#flush !== undefined) continue;
      this.#flush = setTimeout(() => this.#tellCursors(), this.#limits.cursorInterval);
    }
  }

  #tellCursors() {
    this.#flush = undefined;
    const moved = [...this.#moved].map(([{ id }, cursor]) => ({ id, ...cursor }));
    this.#moved.clear();
    for (const member of this.#members) {
      member.tellCursors(moved.filter(({ id }) => id !== member.id));
    }
  }

  /** @param {ServerMessage} message */
  #tell(message) {
    for (const member of this.#members) member.tell(message);
  }
}

/** One who is in the room. */
class Member {
  #stream;
  #limits;

  /**
   * @param {number} id
   * @param {RoomSession} session
   * @param {WebTransportStream} stream
   * @param {RoomLimits} limits
   */
  constructor(id, session, stream, limits) {
    this.id = id;
    this.session = session;
    this.#stream = stream;
    this.#limits = limits;
    session.datagrams.outgoingHighWaterMark = CURSOR_QUEUE;
    session.datagrams.outgoingMaxAge = CURSOR_MAX_AGE;
  }

  get userId() {
    return this.session.locals.user.id;
  }

  get name() {
    return this.session.locals.user.name;
  }

  get person() {
    return { id: this.id, name: this.name };
  }

  /**
   * Never waits: who is too slow for the chat is removed.
   *
   * @param {ServerMessage} message
   */
  tell(message) {
    const line = Buffer.from(`${JSON.stringify(message)}\n`);
    if (this.#stream.bufferedAmount + line.byteLength > this.#limits.chatBacklog) {
      this.remove(CloseCode.TOO_SLOW, "Too much chat waits for you");
      return;
    }
    // A write fails when the member has gone: readText() says so.
    this.#stream.write(line).catch(() => {});
  }

  /** @param {readonly import("./page/protocol.js").MemberCursor[]} cursors */
  tellCursors(cursors) {
    const { datagrams } = this.session;
    // 0: this client takes no datagrams, or has gone.
    const perDatagram = Math.floor(datagrams.maxDatagramSize / MEMBER_CURSOR_SIZE);
    for (let from = 0; perDatagram > 0 && from < cursors.length; from += perDatagram) {
      datagrams.send(encodeCursors(cursors.slice(from, from + perDatagram))).catch(() => {});
    }
  }

  /**
   * The next message; undefined when the member has said goodbye, or had to leave. Rejects when its session has ended.
   *
   * @returns {Promise<string | undefined>}
   */
  async readText() {
    try {
      const line = await this.#stream.readLine({ maxBytes: MAX_LINE });
      if (line === null) return undefined;
      const text = textOf(line);
      if (text === undefined) this.remove(CloseCode.BAD_MESSAGE, "That was no chat message");
      return text;
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      // Too long a line; or the page has reset the stream, which is a goodbye.
      if (error.code === "ERR_WT_STREAM_LIMIT") this.remove(CloseCode.BAD_MESSAGE, "That message is too long");
      return undefined;
    }
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  remove(code, reason) {
    void this.session.close({ code, reason, abort: true });
  }
}

/**
 * @param {string} one
 * @param {string} other
 */
function sameName(one, other) {
  return one.toLowerCase() === other.toLowerCase();
}

/**
 * Undefined: that is no message.
 *
 * @param {string} line
 * @returns {string | undefined}
 */
function textOf(line) {
  try {
    /** @type {{ text?: unknown } | null} */
    const message = JSON.parse(line);
    const text = message?.text;
    return typeof text === "string" && text !== "" && text.length <= MAX_TEXT ? text : undefined;
  } catch {
    return undefined;
  }
}
