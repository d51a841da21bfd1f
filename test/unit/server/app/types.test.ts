/** What compiles and what does not, with strict settings: `tsc` fails for an error that does not come. */
import { describe, expect, it } from "vitest";

import {
  createAuthMiddleware,
  createCorsMiddleware,
  createRateLimitMiddleware,
  echoHandler,
  healthCheckHandler,
  ServerApp,
  ServerConfig,
} from "../../../../src/index.ts";
import type { Middleware, SessionHandler } from "../../../../src/index.ts";

/** An interface, which no index signature fits. */
interface Locals {
  user: string;
  visits?: number;
}

const auth: Middleware<Locals> = (request) => {
  request.locals.user = request.url.searchParams.get("user") ?? "";
  return request.locals.user !== "";
};
const limiter = createRateLimitMiddleware({ maxRequests: 5 });

function whatCompiles(): ServerApp<Locals> {
  const app = new ServerApp<Locals>({
    config: {
      middleware: [auth, limiter, createCorsMiddleware({ allowedOrigins: ["*"], allowMissingOrigin: true })],
    },
  });
  app.middleware(auth);
  const same: Middleware<Locals> = app.middleware(async (request) => Promise.resolve(request.locals.user !== "eve"));
  app.addMiddleware(same);
  app.middleware(
    createAuthMiddleware((headers, { locals }) => {
      locals.user = headers.get("authorization") ?? "";
      return true;
    }),
  );
  app.route("/rooms/:room/:seat", async (session) => {
    const texts: readonly string[] = [session.params.room, session.params.seat, session.locals.user];
    await session.close({ reason: texts.join() });
  });
  app.route("/limited", { middleware: [limiter, auth], protocols: ["chat"] }, async (session) => {
    session.locals.visits = (session.locals.visits ?? 0) + 1;
    await session.closed;
  });
  const curried = app.route("/curried")(async (session) => session.closed);
  const named: SessionHandler<object, Locals> = curried;
  app.patternRoute(/^\/users\/(?<id>\d+)$/, async (session) => session.close({ reason: session.params["id"] ?? "" }));
  app.route("/named", named);
  app.route("/echo", echoHandler);
  app.route("/health", healthCheckHandler);
  app.onError((error, session) => [error, session?.path]);
  const other = new ServerApp();
  other.middleware((request) => request.locals["any"] === undefined);
  other.route("/echo", echoHandler);
  app.mount("/other", other);
  // A configuration's own middleware looks at requests whose locals it does not know; a typed one is good, too.
  const config = ServerConfig.create({ middleware: [auth, limiter, (request) => request.path !== "/secret"] });
  new ServerApp<Locals>({ config });
  return app;
}

function whatDoesNot(app: ServerApp<Locals>): void {
  // @ts-expect-error: nothing is no answer.
  app.middleware(() => {});
  // @ts-expect-error: `locals` has no such name.
  app.middleware((request) => request.locals.name === "ada");
  const other: Middleware<{ room: number }> = (request) => request.locals.room === 1;
  // @ts-expect-error: it is for other locals.
  app.middleware(other);
  // @ts-expect-error: also in a route.
  app.route("/x", { middleware: [other] }, echoHandler);
  // @ts-expect-error: also in the configuration.
  new ServerApp<Locals>({ config: { middleware: [other] } });
  // @ts-expect-error: a configuration's middleware has to answer, too.
  ServerConfig.create({ middleware: [() => 7] });
  // @ts-expect-error: a session ends with its handler, so that is asynchronous.
  app.route("/x", () => {});
  app.route("/rooms/:room", async (session) => {
    // @ts-expect-error: the path has no such parameter.
    expect(session.params.seat).toBeUndefined();
    // @ts-expect-error: nor have locals this name.
    expect(session.locals.name).toBeUndefined();
    // @ts-expect-error: nor this type.
    session.locals.user = 7;
    return session.closed;
  });
  // @ts-expect-error: may be undefined.
  app.patternRoute(/(?<id>.)/, async (session) => session.close({ reason: session.params.id }));
  // @ts-expect-error: a list, also for one.
  app.route("/x", { protocols: "chat" }, echoHandler);
  // @ts-expect-error: a route has no such option.
  app.route("/x", { protocol: "chat" }, echoHandler);
  // @ts-expect-error: a path is text; patterns have a method of their own.
  app.route(/x/, echoHandler);
  // @ts-expect-error: an app is mounted, not its routes.
  app.mount("/x", "/y");
}

describe("the types of ServerApp", () => {
  it("are right where the file above compiles", () => {
    const app = whatCompiles();
    expect(app.routes()).toHaveLength(8);
    expect(() => {
      whatDoesNot(app);
    }).toThrow();
  });
});
