import { describe, expect, it } from "vitest";

import { AuthenticationError, ConfigurationError, HttpError } from "../../../../src/errors/errors.ts";
import { createAuthMiddleware } from "../../../../src/server/middleware/auth.ts";
import type { AuthHandler, AuthOptions } from "../../../../src/server/middleware/auth.ts";
import { MiddlewareManager } from "../../../../src/server/middleware/middleware-manager.ts";
import type { IncomingSession } from "../../../../src/transport/session/request.ts";

import { fakeRequest } from "./fake-request.ts";

async function processed(handler: unknown, options?: AuthOptions): Promise<IncomingSession> {
  const manager = new MiddlewareManager();
  manager.addMiddleware(createAuthMiddleware(handler as AuthHandler, options));
  const request = fakeRequest({ headers: { authorization: "Bearer abc" } });
  const goesOn = await manager.processRequest(request);
  expect(goesOn).toBe(request.rejection === undefined);
  return request;
}

describe("createAuthMiddleware()", () => {
  it("makes a function that is called auth", () => {
    expect(createAuthMiddleware(() => true).name).toBe("auth");
  });

  it("admits for true alone, and hands on what the handler has found out", async () => {
    const request = await processed(async (headers: Headers, { locals }: IncomingSession) => {
      locals["token"] = headers.get("authorization");
      return true;
    });
    expect(request.rejection).toBeUndefined();
    expect(request.locals).toEqual({ token: "Bearer abc" });
  });

  it.each([
    ["false", () => false, "the auth handler has refused the client's credentials"],
    ["undefined", async () => undefined, "the auth handler returned undefined: only true admits a client"],
    ["1", () => 1, "the auth handler returned number: only true admits a client"],
    ["a user", () => ({ name: "ada" }), "the auth handler returned object: only true admits a client"],
    [
      "an AuthenticationError thrown",
      () => {
        throw new AuthenticationError("the token has expired");
      },
      "the client is not authenticated: the token has expired",
    ],
  ])("answers 401 with the challenge for %s", async (_what, handler, reason) => {
    const { rejection } = await processed(handler);
    expect(rejection).toMatchObject({ status: 401, kind: "auth", reason });
    expect([...(rejection?.headers ?? [])]).toEqual([["www-authenticate", "Bearer"]]);
  });

  it("answers 500 for any other error, which is a fault", async () => {
    const { rejection } = await processed(async () => {
      throw new TypeError("no database");
    });
    const reason = "middleware auth has failed: TypeError: no database";
    expect(rejection).toMatchObject({ status: 500, kind: "middleware_error", reason });
    expect([...(rejection?.headers ?? [])]).toEqual([]);
  });

  it("keeps the status of an HttpError or a Response that the handler throws", async () => {
    for (const thrown of [new HttpError(403), new Response(null, { status: 403 })]) {
      const { rejection } = await processed(async () => {
        throw thrown as Error;
      });
      expect(rejection).toMatchObject({ status: 403, kind: "middleware" });
    }
  });

  it("names scheme and realm in the challenge", async () => {
    const { rejection } = await processed(() => false, { scheme: "DPoP", realm: 'the "room" \\' });
    expect(rejection?.headers.get("www-authenticate")).toBe('DPoP realm="the \\"room\\" \\\\"');
  });

  it("refuses at the call what cannot stand in the header, and a handler that is no function", () => {
    for (const options of [
      { scheme: "" },
      { scheme: "a b" },
      { scheme: "a\r\nb: c" },
      { realm: "ü" },
      { realm: "\n" },
    ]) {
      expect(() => createAuthMiddleware(() => true, options)).toThrow(ConfigurationError);
    }
    expect(() => createAuthMiddleware({} as AuthHandler)).toThrow(ConfigurationError);
  });
});
