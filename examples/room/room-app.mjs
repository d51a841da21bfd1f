// The application: who is admitted, and to which room.
import {
  AuthenticationError,
  RejectionResponse,
  ServerApp,
  createAuthMiddleware,
  createRateLimitMiddleware,
} from "tswebtransport";

import { Room, defaultLimits } from "./room.mjs";
import { verifyToken } from "./token.mjs";

/** @typedef {{ user: import("./token.mjs").User }} Locals What middleware finds out and the handlers know. */

/**
 * @typedef {object} RoomAppOptions
 * @property {Uint8Array} secret What tokens are signed with.
 * @property {import("tswebtransport").ServerAppConfigOptions<Locals>} [config]
 * @property {number} [joins] Session requests of one address in ten seconds. Default 20.
 * @property {Partial<import("./room.mjs").RoomLimits>} [limits]
 */

/**
 * @param {RoomAppOptions} options
 * @returns {ServerApp<Locals>}
 */
export function createRoomApp({ secret, config = {}, joins = 20, limits = {} }) {
  /** @type {ServerApp<Locals>} */
  const app = new ServerApp({
    config: {
      // A network that is gone without a word is noticed in 15 seconds, and the others are told.
      connectionIdleTimeout: 15_000,
      keepaliveInterval: 5000,
      ...config,
    },
  });
  // In front of the authentication: guessed tokens count, too.
  app.middleware(createRateLimitMiddleware({ maxRequests: joins, windowSeconds: 10 }));
  app.middleware(
    createAuthMiddleware((headers, request) => {
      // A page cannot set headers on a WebTransport: its token comes in the query, whose values the log leaves out.
      const bearer = /^Bearer (.+)$/i.exec(headers.get("authorization") ?? "")?.[1];
      const token = bearer ?? request.url.searchParams.get("token");
      if (token === null) throw new AuthenticationError("there is no token");
      request.locals.user = verifyToken(token, secret);
      return true;
    }),
  );
  /** @type {Map<string, Room>} */
  const rooms = new Map();
  app.route("/rooms/:room", { middleware: [roomName] }, async (session) => {
    // Waits for the client; from here on nothing does, so that nobody enters a room that is given up meanwhile.
    const stream = await session.createBidirectionalStream();
    const name = session.params.room;
    const room = rooms.get(name) ?? new Room({ ...defaultLimits, ...limits });
    rooms.set(name, room);
    try {
      await room.serve(session, stream);
    } finally {
      if (room.isEmpty && rooms.get(name) === room) rooms.delete(name);
    }
  });
  return app;
}

/** @param {import("tswebtransport").SessionRequest<Locals>} request */
function roomName(request) {
  if (/^[a-z0-9-]{1,32}$/.test(request.params["room"] ?? "")) return true;
  return new RejectionResponse(404, { reason: "a room's name is 1 to 32 of a-z, 0-9 and -" });
}
