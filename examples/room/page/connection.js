// The way to a room: a session, its chat stream and its datagrams, and another try when it is lost.
import { CloseCode, decodeCursors, encodeCursor } from "./protocol.js";

/**
 * @typedef {import("./protocol.js").ServerMessage} ServerMessage
 * @typedef {import("./protocol.js").MemberCursor} MemberCursor
 * @typedef {{ room: string, name: string, token: string }} Wish `token`: "" for a new one.
 * @typedef {"joining" | "joined" | "waiting" | "left" | "failed"} State
 *
 * @typedef {object} Listener
 * @property {(state: State, text: string) => void} onState
 * @property {(message: ServerMessage) => void} onMessage
 * @property {(cursors: MemberCursor[]) => void} onCursors
 */

/** Milliseconds: what the second try waits for, what each further one doubles, and what none exceeds. */
const FIRST_DELAY = 500;
const LONGEST_DELAY = 15_000;

/** Tries in a row that fail before the page gives up. */
const MAX_TRIES = 10;

/** Milliseconds after which a cursor is not worth sending. */
const CURSOR_MAX_AGE = 200;

const encoder = new TextEncoder();

export class RoomConnection {
  #listener;
  /** @type {Wish | undefined} What the user wants; undefined: to be in no room. */
  #wish;
  /** Kept for the next try, which then is by the same user. */
  #token = "";
  /** @type {WebTransport | undefined} */
  #session;
  /** @type {WritableStreamDefaultWriter<Uint8Array> | undefined} */
  #chat;
  /** @type {WritableStreamDefaultWriter<Uint8Array> | undefined} */
  #cursors;
  #sequence = 0;
  #tries = 0;
  /** Once the user was in the room, what goes wrong may pass; before, it is wrong. */
  #wasJoined = false;
  /** @type {number | undefined} */
  #timer;

  /** @param {Listener} listener */
  constructor(listener) {
    this.#listener = listener;
  }

  get isJoined() {
    return this.#chat !== undefined;
  }

  /** @param {Wish} wish */
  join(wish) {
    this.leave();
    this.#wish = { ...wish };
    this.#token = wish.token;
    this.#wasJoined = false;
    this.#tries = 0;
    void this.#try(this.#wish);
  }

  leave() {
    clearTimeout(this.#timer);
    const session = this.#session;
    const wasWanted = this.#wish !== undefined;
    this.#forget();
    this.#wish = undefined;
    session?.close({ closeCode: CloseCode.GOODBYE, reason: "Goodbye" });
    if (wasWanted) this.#listener.onState("left", "You have left");
  }

  /**
   * Resolves when the browser has taken it.
   *
   * @param {string} text
   */
  async say(text) {
    await this.#chat?.write(encoder.encode(`${JSON.stringify({ text })}\n`));
  }

  /**
   * False: it was not sent.
   *
   * @param {{ x: number, y: number }} cursor
   */
  point(cursor) {
    const writer = this.#cursors;
    // What waits already is old enough: the next one is newer.
    if (writer === undefined || (writer.desiredSize ?? 0) <= 0) return false;
    this.#sequence += 1;
    writer.write(encodeCursor({ ...cursor, sequence: this.#sequence })).catch(() => {});
    return true;
  }

  /** @param {Wish} wish */
  async #try(wish) {
    this.#tries += 1;
    this.#listener.onState("joining", this.#wasJoined ? "Joining again …" : "Joining …");
    try {
      const session = await this.#open(wish);
      if (wish !== this.#wish) {
        session.close();
        return;
      }
      this.#session = session;
      session.closed.then(
        ({ closeCode = 0, reason = "" }) => this.#ended(session, closeCode, reason),
        () => this.#ended(session, undefined, "The connection is lost"),
      );
      await this.#serve(session);
    } catch (error) {
      // A session that was opened ends in #ended(), which knows the code.
      if (wish === this.#wish && this.#session === undefined) this.#failed(messageOf(error));
    }
  }

  /**
   * @param {Wish} wish
   * @returns {Promise<WebTransport>}
   */
  async #open(wish) {
    const { url, certificateHash } = await ask("/room");
    if (this.#token === "") this.#token = (await ask("/token", { method: "POST", body: wish.name })).token;
    const value = Uint8Array.from(certificateHash.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
    const address = new URL(encodeURIComponent(wish.room), url);
    address.searchParams.set("token", this.#token);
    const session = new WebTransport(address, { serverCertificateHashes: [{ algorithm: "sha-256", value }] });
    // `ready` tells, too.
    session.closed.catch(() => {});
    try {
      await session.ready;
    } catch {
      // A server that was started again knows no token of before.
      this.#token = wish.token;
      // Browsers hide the status from a page: 401, 404, 429 and a server that is not there look alike.
      throw new Error("The server refuses you, or is not there. Its log says why");
    }
    return session;
  }

  /** @param {WebTransport} session */
  async #serve(session) {
    const { datagrams } = session;
    datagrams.outgoingMaxAge = CURSOR_MAX_AGE;
    void this.#readCursors(session).catch(() => {});
    /** @type {ReadableStreamDefaultReader<WebTransportBidirectionalStream>} */
    const streams = session.incomingBidirectionalStreams.getReader();
    const { value: chat } = await streams.read();
    if (chat === undefined || session !== this.#session) return;
    this.#chat = chat.writable.getWriter();
    this.#cursors = writableOf(datagrams).getWriter();
    for await (const line of linesOf(chat.readable)) {
      if (session !== this.#session) return;
      /** @type {ServerMessage} */
      const message = JSON.parse(line);
      if (message.type === "welcome") this.#joined();
      this.#listener.onMessage(message);
    }
  }

  /** @param {WebTransport} session */
  async #readCursors(session) {
    const reader = session.datagrams.readable.getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done || session !== this.#session) return;
      this.#listener.onCursors(decodeCursors(value));
    }
  }

  #joined() {
    this.#wasJoined = true;
    this.#tries = 0;
    this.#listener.onState("joined", "In the room");
  }

  /**
   * @param {WebTransport} session
   * @param {number | undefined} code Undefined: nobody has closed it.
   * @param {string} reason
   */
  #ended(session, code, reason) {
    if (session !== this.#session) return;
    this.#forget();
    const mayPass = code === undefined || code > 100;
    this.#failed(reason === "" ? "The server has ended the session" : reason, mayPass);
  }

  /**
   * @param {string} reason
   * @param {boolean} [mayPass]
   */
  #failed(reason, mayPass = true) {
    const wish = this.#wish;
    if (wish === undefined || !mayPass || !this.#wasJoined || this.#tries >= MAX_TRIES) {
      this.#wish = undefined;
      this.#listener.onState("failed", reason);
      return;
    }
    // Pages that lose the same server do not all come back in the same moment.
    const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** this.#tries) * (0.5 + Math.random() / 2);
    this.#listener.onState("waiting", `${reason}. Next try in ${(delay / 1000).toFixed(1)} s`);
    this.#timer = window.setTimeout(() => void this.#try(wish), delay);
  }

  #forget() {
    this.#session = undefined;
    this.#chat = undefined;
    this.#cursors = undefined;
  }
}

/**
 * @param {string} path
 * @param {RequestInit} [init]
 */
async function ask(path, init) {
  let response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new Error("The page's server does not answer");
  }
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.message);
  return answer;
}

/**
 * Browsers are moving from the `writable` attribute to `createWritable()`.
 *
 * @param {WebTransportDatagramDuplexStream & { createWritable?: () => WritableStream<Uint8Array> }} datagrams
 * @returns {WritableStream<Uint8Array>}
 */
function writableOf(datagrams) {
  return datagrams.createWritable?.() ?? datagrams.writable;
}

/** @param {ReadableStream<Uint8Array<ArrayBuffer>>} readable */
async function* linesOf(readable) {
  const reader = readable.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
