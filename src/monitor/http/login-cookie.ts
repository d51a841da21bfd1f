import type { IncomingMessage } from "node:http";

/** Seconds that a person stays logged in. */
const lifetime = 12 * 3600;

/**
 * Tells that its browser was given the token: `EXPIRY.SIGNATURE`, signed with a key that is made of the token. So it needs no
 * memory, outlives a restart, and is void once the token is another.
 */
export class LoginCookie {
  readonly #token: string;

  constructor(token: string) {
    this.#token = token;
  }

  /** A value of Set-Cookie. */
  grant(request: IncomingMessage): string {
    const expiry = String(Math.floor(Date.now() / 1000) + lifetime);
    return this.#cookie(request, `${expiry}.${this.#signature(expiry)}`, lifetime);
  }

  /** A value of Set-Cookie. */
  revoke(request: IncomingMessage): string {
    return this.#cookie(request, "", 0);
  }

  isValid(request: IncomingMessage): boolean {
    const [, expiry, signature] = /^(\d{1,12})\.([\w-]{43})$/.exec(valueOf(request) ?? "") ?? [];
    if (expiry === undefined || signature === undefined) return false;
    const { timingSafeEqual } = process.getBuiltinModule("node:crypto");
    const isSigned = timingSafeEqual(Buffer.from(signature), Buffer.from(this.#signature(expiry)));
    return isSigned && Number(expiry) * 1000 > Date.now();
  }

  #signature(expiry: string): string {
    const { createHmac } = process.getBuiltinModule("node:crypto");
    return createHmac("sha256", this.#token).update(`tswebtransport monitor login ${expiry}`).digest("base64url");
  }

  #cookie(request: IncomingMessage, value: string, age: number): string {
    const isEncrypted = request.headers["x-forwarded-proto"] === "https";
    const attributes = `Path=/; Max-Age=${age}; HttpOnly; SameSite=Strict${isEncrypted ? "; Secure" : ""}`;
    return `${nameFor(request)}=${value}; ${attributes}`;
  }
}

/** Cookies of a host are those of all its ports: two monitors of a machine keep apart by theirs. */
function nameFor(request: IncomingMessage): string {
  return `tswebtransport_monitor_${request.socket.localPort ?? 0}`;
}

function valueOf(request: IncomingMessage): string | undefined {
  const begin = `${nameFor(request)}=`;
  const pairs = request.headers.cookie?.split(/; */) ?? [];
  return pairs.find((pair) => pair.startsWith(begin))?.slice(begin.length);
}
