// The page and its tokens, over plain HTTP on localhost: browsers treat that as secure. In production both come from your
// web server over HTTPS, and the token from your login.
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";

import { MAX_NAME } from "./page/protocol.js";
import { issueToken } from "./token.mjs";

/**
 * @typedef {object} Room
 * @property {string} url Where the page connects to, less the room's name.
 * @property {string} certificateHash SHA-256, hexadecimal.
 */

/** @type {Readonly<Record<string, readonly [file: string, type: string]>>} */
const files = {
  "/": ["page.html", "text/html; charset=utf-8"],
  "/page.css": ["page.css", "text/css; charset=utf-8"],
  "/page.js": ["page.js", "text/javascript; charset=utf-8"],
  "/field.js": ["field.js", "text/javascript; charset=utf-8"],
  "/connection.js": ["connection.js", "text/javascript; charset=utf-8"],
  "/protocol.js": ["protocol.js", "text/javascript; charset=utf-8"],
};

/** Bytes of a request's body. */
const MAX_BODY = 1024;

/** Letters, digits, spaces and a little punctuation; no characters that look like nothing or turn the text around. */
const validName = new RegExp(`^[\\p{L}\\p{N}][\\p{L}\\p{M}\\p{N} ._-]{0,${MAX_NAME - 1}}$`, "u");

/**
 * @param {object} options
 * @param {number} options.port
 * @param {Uint8Array} options.secret What tokens are signed with.
 * @param {() => Room} options.room
 */
export async function startPageServer({ port, secret, room }) {
  const server = createServer((request, response) => {
    answer(request, { secret, room }).then(
      ({ status = 200, type = "application/json", body }) => {
        response.writeHead(status, {
          "content-type": type,
          "cache-control": "no-store",
          "content-security-policy": "default-src 'self'; connect-src 'self' https:; img-src data:",
          "x-content-type-options": "nosniff",
        });
        response.end(body);
      },
      (/** @type {unknown} */ error) => {
        console.error(error);
        response.writeHead(500).end();
      },
    );
  });
  server.listen(port, "localhost");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The page's server has no port");
  return {
    origin: `http://localhost:${address.port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/**
 * @param {import("node:http").IncomingMessage} request
 * @param {{ secret: Uint8Array, room: () => Room }} context
 * @returns {Promise<{ status?: number, type?: string, body: string | Uint8Array }>}
 */
async function answer(request, { secret, room }) {
  const path = request.url ?? "/";
  if (path === "/room" && request.method === "GET") return { body: JSON.stringify(room()) };
  if (path === "/token" && request.method === "POST") {
    if (!(Number(request.headers["content-length"]) <= MAX_BODY)) return problem(413, "That is too much");
    const name = (await text(request)).normalize("NFKC").trim();
    if (!validName.test(name))
      return problem(400, `A name is 1 to ${MAX_NAME} letters, digits, spaces, or one of . _ -`);
    return { body: JSON.stringify({ token: issueToken(name, secret) }) };
  }
  const file = request.method === "GET" ? files[path] : undefined;
  if (file === undefined) return problem(404, "There is nothing here");
  return { type: file[1], body: await readFile(new URL(`page/${file[0]}`, import.meta.url)) };
}

/**
 * @param {number} status
 * @param {string} message
 */
function problem(status, message) {
  return { status, body: JSON.stringify({ message }) };
}
