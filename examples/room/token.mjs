// JSON Web Tokens (RFC 7519) with HMAC-SHA256, by what Node has. An application with an identity provider verifies that
// one's tokens instead, with a library such as jose.
import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";

import { AuthenticationError } from "tswebtransport";

/**
 * @typedef {object} User
 * @property {string} id Tells two users of one name apart.
 * @property {string} name
 */

/** Seconds that a token is good for. */
export const TOKEN_LIFETIME = 3600;

const header = encode({ alg: "HS256", typ: "JWT" });

/**
 * A token for a new user of this name.
 *
 * @param {string} name
 * @param {Uint8Array} secret
 * @param {number} [now] Milliseconds since the epoch.
 */
export function issueToken(name, secret, now = Date.now()) {
  const expires = Math.floor(now / 1000) + TOKEN_LIFETIME;
  const signed = `${header}.${encode({ sub: randomUUID(), name, exp: expires })}`;
  return `${signed}.${signatureOf(signed, secret).toString("base64url")}`;
}

/**
 * Whose token it is. Throws AuthenticationError, with the reason for the log.
 *
 * @param {string} token
 * @param {Uint8Array} secret
 * @param {number} [now] Milliseconds since the epoch.
 * @returns {User}
 */
export function verifyToken(token, secret, now = Date.now()) {
  const [head, payload = "", signature = "", ...rest] = token.split(".");
  // One algorithm only: a token must not choose how it is verified (RFC 8725 §3.1).
  if (head !== header || rest.length > 0) throw new AuthenticationError("the token is none of this server's");
  const expected = signatureOf(`${head}.${payload}`, secret);
  const given = Buffer.from(signature, "base64url");
  if (given.byteLength !== expected.byteLength || !timingSafeEqual(given, expected)) {
    throw new AuthenticationError("the token's signature is wrong");
  }
  // Its signature is right, so it has the fields that issueToken() wrote.
  const { sub, name, exp } = JSON.parse(Buffer.from(payload, "base64url").toString());
  if (now >= exp * 1000) throw new AuthenticationError("the token has expired");
  return { id: sub, name };
}

/** @param {object} part */
function encode(part) {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}

/**
 * @param {string} signed
 * @param {Uint8Array} secret
 */
function signatureOf(signed, secret) {
  return createHmac("sha256", secret).update(signed).digest();
}
