// What the page and the server agree on: both import this file.

/**
 * Application codes that the server closes a session with. Above 100 the page joins again by itself: the cause may pass.
 */
export const CloseCode = Object.freeze({
  /** The page, or the member's stream, has said goodbye. */
  GOODBYE: 0,
  /** Somebody else in the room has this name. */
  NAME_TAKEN: 10,
  /** The same user has joined from elsewhere. */
  REPLACED: 11,
  /** What the page sent is no message of this protocol, or is too long. */
  BAD_MESSAGE: 12,
  ROOM_FULL: 101,
  /** The chat that waits for this member is over the limit: it does not read, or its network is too slow. */
  TOO_SLOW: 102,
  SERVER_STOPS: 103,
});

/** Characters of one chat message. */
export const MAX_TEXT = 500;

/** Characters of a name. */
export const MAX_NAME = 24;

/**
 * A line of the chat stream, which the server opens: JSON, ended by a newline. The page sends `{ "text": "…" }`.
 *
 * @typedef {{ id: number, name: string }} Person
 * @typedef {{ type: "welcome", you: number, members: Person[] }
 *   | { type: "joined", id: number, name: string }
 *   | { type: "left", id: number }
 *   | { type: "chat", id: number, name: string, text: string }} ServerMessage
 */

/**
 * Where a cursor is: 0 to 65535 from left to right and from top to bottom. Datagrams may overtake each other; the higher
 * sequence number is the newer one.
 *
 * @typedef {{ sequence: number, x: number, y: number }} Cursor
 * @typedef {Cursor & { id: number }} MemberCursor
 */

/** Bytes of a page's datagram: sequence, x, y. */
const CURSOR_SIZE = 8;

/** Bytes of one cursor in the server's datagram, which holds several: member, sequence, x, y. */
export const MEMBER_CURSOR_SIZE = 4 + CURSOR_SIZE;

/** @param {Cursor} cursor */
export function encodeCursor(cursor) {
  const bytes = new Uint8Array(CURSOR_SIZE);
  putCursor(new DataView(bytes.buffer), 0, cursor);
  return bytes;
}

/**
 * Undefined: that is no cursor.
 *
 * @param {Uint8Array} bytes
 * @returns {Cursor | undefined}
 */
export function decodeCursor(bytes) {
  return bytes.byteLength === CURSOR_SIZE ? getCursor(viewOf(bytes), 0) : undefined;
}

/** @param {readonly MemberCursor[]} cursors */
export function encodeCursors(cursors) {
  const bytes = new Uint8Array(cursors.length * MEMBER_CURSOR_SIZE);
  const view = new DataView(bytes.buffer);
  cursors.forEach((cursor, index) => {
    view.setUint32(index * MEMBER_CURSOR_SIZE, cursor.id);
    putCursor(view, index * MEMBER_CURSOR_SIZE + 4, cursor);
  });
  return bytes;
}

/**
 * @param {Uint8Array} bytes
 * @returns {MemberCursor[]}
 */
export function decodeCursors(bytes) {
  const view = viewOf(bytes);
  const cursors = [];
  for (let at = 0; at + MEMBER_CURSOR_SIZE <= bytes.byteLength; at += MEMBER_CURSOR_SIZE) {
    cursors.push({ id: view.getUint32(at), ...getCursor(view, at + 4) });
  }
  return cursors;
}

/**
 * @param {DataView} view
 * @param {number} at
 * @param {Cursor} cursor
 */
function putCursor(view, at, { sequence, x, y }) {
  view.setUint32(at, sequence);
  view.setUint16(at + 4, x);
  view.setUint16(at + 6, y);
}

/**
 * @param {DataView} view
 * @param {number} at
 * @returns {Cursor}
 */
function getCursor(view, at) {
  return { sequence: view.getUint32(at), x: view.getUint16(at + 4), y: view.getUint16(at + 6) };
}

/** @param {Uint8Array} bytes */
function viewOf(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
