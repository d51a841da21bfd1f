import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { ConfigurationError, HttpError, SessionError } from "../../../../src/errors/errors.ts";
import { startMiddleware } from "../../../../src/server/middleware/middleware.ts";
import type { Middleware } from "../../../../src/server/middleware/middleware.ts";
import { MiddlewareManager } from "../../../../src/server/middleware/middleware-manager.ts";
import type { MiddlewareManagerOptions } from "../../../../src/server/middleware/middleware-manager.ts";
import { RejectionResponse } from "../../../../src/server/middleware/rejection-response.ts";
import { cancelRequest } from "../../../../src/transport/session/request.ts";
import type { IncomingSession } from "../../../../src/transport/session/request.ts";
import { VirtualClock } from "../../../../src/engine/memory/virtual-clock.ts";

import { fakeRequest } from "./fake-request.ts";

const yes: Middleware = () => true;

function managerOf(chain: readonly unknown[], options: MiddlewareManagerOptions = {}): MiddlewareManager {
  const manager = new MiddlewareManager(options);
  for (const middleware of chain) manager.addMiddleware(middleware as Middleware);
  return manager;
}

async function refusalOf(middleware: unknown): Promise<IncomingSession["rejection"]> {
  const request = fakeRequest();
  expect(await managerOf([middleware]).processRequest(request)).toBe(false);
  return request.rejection;
}

describe("MiddlewareManager", () => {
  it("lets a request go on through an empty chain", async () => {
    expect(await new MiddlewareManager().processRequest(fakeRequest())).toBe(true);
  });

  it("runs the chain in the order of registration, and stops at the first refusal", async () => {
    const seen: string[] = [];
    const note = (name: string, result: boolean) => () => {
      seen.push(name);
      return Promise.resolve(result);
    };
    const request = fakeRequest();
    const manager = managerOf([note("a", true), note("b", true), note("c", false), note("d", true)]);
    expect(await manager.processRequest(request)).toBe(false);
    expect(seen).toEqual(["a", "b", "c"]);
    expect(request.rejection?.status).toBe(403);
  });

  it("gives every middleware the same request, so that one sees the locals of those before", async () => {
    const manager = new MiddlewareManager<{ user?: string }>();
    let seen: string | undefined;
    manager.addMiddleware((request) => {
      request.locals.user = "ada";
      return true;
    });
    manager.addMiddleware((request) => {
      seen = request.locals.user;
      return true;
    });
    expect(await manager.processRequest(fakeRequest<{ user?: string }>())).toBe(true);
    expect(seen).toBe("ada");
  });

  it("counts, names and removes middleware; the same one may be there twice", async () => {
    const manager = managerOf([yes, () => true, yes]);
    expect(manager.middlewareCount).toBe(3);
    expect(manager.middlewareNames).toEqual(["yes", "#2", "yes"]);
    expect(manager.removeMiddleware(yes)).toBe(true);
    expect(manager.middlewareNames).toEqual(["#1", "yes"]);
    expect(manager.removeMiddleware(() => true)).toBe(false);
    expect(manager.middlewareCount).toBe(2);
  });

  it("goes on with the chain that a request began with when it changes meanwhile", async () => {
    const manager = new MiddlewareManager();
    const last = vi.fn(() => false);
    manager.addMiddleware(() => manager.removeMiddleware(last));
    manager.addMiddleware(last);
    expect(await manager.processRequest(fakeRequest())).toBe(false);
    expect(last).toHaveBeenCalledOnce();
    expect(manager.middlewareCount).toBe(1);
  });

  it("refuses at the call what is no function", () => {
    for (const wrong of [undefined, null, "cors", { handle: yes }]) {
      expect(() => managerOf([wrong])).toThrow(ConfigurationError);
    }
    for (const middlewareTimeout of [-1, 1.5, Number.NaN, 2 ** 31]) {
      expect(() => new MiddlewareManager({ middlewareTimeout })).toThrow(/^middlewareTimeout must be an integer/);
    }
  });

  describe("fails closed", () => {
    it.each([
      ["false", () => false, 403, "middleware", "middleware guard has refused the request"],
      ["a promise of false", async () => false, 403, "middleware", "middleware guard has refused the request"],
      ["a Response", () => new Response(null, { status: 418 }), 418, "middleware", "middleware guard has refused"],
      ["a redirection", () => Response.redirect("https://b.example/", 302), 302, "middleware", "guard has refused"],
      [
        "a 2xx Response",
        () => new Response("ok"),
        500,
        "middleware_error",
        "guard answered with status 200: only 300 to",
      ],
      ["Response.error()", () => Response.error(), 500, "middleware_error", "guard answered with status 0"],
      [
        "undefined",
        () => undefined,
        500,
        "middleware_error",
        "guard returned undefined: it must return true, false or",
      ],
      ["a promise of undefined", async () => undefined, 500, "middleware_error", "guard returned undefined"],
      ["null", () => null, 500, "middleware_error", "guard returned null"],
      ["1", () => 1, 500, "middleware_error", "guard returned number"],
      ["an object", () => ({ ok: true }), 500, "middleware_error", "guard returned object"],
      ["a function", () => yes, 500, "middleware_error", "guard returned function"],
    ])("when it returns %s", async (_what, middleware, status, kind, reason) => {
      Object.defineProperty(middleware, "name", { value: "guard" });
      expect(await refusalOf(middleware)).toMatchObject({
        status,
        kind,
        reason: expect.stringContaining(reason) as unknown,
      });
    });

    it.each([
      ["HttpError", new HttpError(451, "not here"), 451, "middleware", "guard has refused the request: not here"],
      ["HttpError with a status that is no refusal", new HttpError(200), 500, "middleware_error", "with status 200"],
      ["HttpError without a status", new HttpError(Number.NaN), 500, "middleware_error", "with status NaN"],
      ["a Response", new Response(null, { status: 429 }), 429, "middleware", "guard has refused"],
      ["an Error", new Error("secret"), 500, "middleware_error", "middleware guard has failed: Error: secret"],
      ["undefined", undefined, 500, "middleware_error", "middleware guard has failed: undefined"],
    ])("when it throws %s, at once or later", async (_what, thrown, status, kind, reason) => {
      const guards = [
        function guard() {
          throw thrown as Error;
        },
        async function guard() {
          throw thrown as Error;
        },
      ];
      for (const guard of guards) {
        expect(await refusalOf(guard)).toMatchObject({
          status,
          kind,
          reason: expect.stringContaining(reason) as unknown,
        });
      }
    });

    it("with the cause for the log, and nothing of it in what the client gets", async () => {
      const error = new Error("secret");
      const rejection = await refusalOf(() => {
        throw error;
      });
      expect(rejection?.cause).toBe(error);
      expect([...(rejection?.headers ?? [])]).toEqual([]);
      expect(rejection?.reason).toBe("middleware #1 has failed: Error: secret");
    });

    it("with the headers of a Response, less those of its body and of HTTP/1.1's connection", async () => {
      const response = new Response("some text", { status: 401, headers: { "www-authenticate": "Basic" } });
      for (const name of ["content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te"]) {
        response.headers.set(name, "1");
      }
      response.headers.append("set-cookie", "a=1");
      response.headers.append("set-cookie", "b=2");
      const rejection = await refusalOf(() => response);
      expect([...(rejection?.headers ?? [])]).toEqual([
        ["set-cookie", "a=1"],
        ["set-cookie", "b=2"],
        ["www-authenticate", "Basic"],
      ]);
    });

    it("lets go of the body of a Response that nobody reads", async () => {
      const cancel = vi.fn();
      await refusalOf(() => new Response(new ReadableStream({ cancel }), { status: 403 }));
      expect(cancel).toHaveBeenCalledOnce();
    });

    it("with kind, reason and cause of a RejectionResponse", async () => {
      const rejection = await refusalOf(() => {
        const headers = { "retry-after": "3" };
        return new RejectionResponse(429, { kind: "rate_limit", reason: "too many", headers, cause: 7 });
      });
      expect(rejection).toMatchObject({ status: 429, kind: "rate_limit", reason: "too many", cause: 7 });
      expect(rejection?.headers.get("retry-after")).toBe("3");
      expect(() => new RejectionResponse(200, { reason: "" })).toThrow(RangeError);
    });

    it("when the answer's `then` cannot be read", async () => {
      const evil = {
        get then(): never {
          throw new Error("evil");
        },
      };
      expect(await refusalOf(() => evil)).toMatchObject({ status: 500, kind: "middleware_error" });
    });
  });

  describe("waits", () => {
    let rejections: unknown[];
    const note = (reason: unknown): void => void rejections.push(reason);
    beforeEach(() => {
      rejections = [];
      process.on("unhandledRejection", note);
    });
    afterEach(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      process.off("unhandledRejection", note);
      expect(rejections).toEqual([]);
    });

    it("no longer than middlewareTimeout for each: 503, and a late rejection changes nothing", async () => {
      const time = new VirtualClock({ automatic: false });
      const answers: { resolve: (result: boolean) => void; reject: (error: Error) => void }[] = [];
      const slow = (): Promise<boolean> =>
        new Promise((resolve, reject) => {
          answers.push({ resolve, reject });
        });
      const manager = managerOf([slow, slow], { middlewareTimeout: 1000, setTimer: time.setTimer });
      const request = fakeRequest();
      const processed = manager.processRequest(request);
      await time.advance(999);
      answers[0]?.resolve(true);
      await vi.waitFor(() => expect(answers).toHaveLength(2));
      await time.advance(999);
      expect(request.rejection).toBeUndefined();
      await time.advance(1);
      expect(await processed).toBe(false);
      const rejection = {
        status: 503,
        kind: "middleware_timeout",
        reason: "middleware slow has not answered for 1000 ms: make it faster, or raise middlewareTimeout",
      };
      expect(request.rejection).toMatchObject(rejection);
      answers[1]?.reject(new Error("late"));
      await new Promise((resolve) => setImmediate(resolve));
      expect(request.rejection).toMatchObject(rejection);
      expect(time.timers).toBe(0);
    });

    it("10 s by default, and without a limit when it is 0", async () => {
      const time = new VirtualClock({ automatic: false });
      const never = (): Promise<boolean> => new Promise(() => {});
      const request = fakeRequest();
      const processed = managerOf([never], { setTimer: time.setTimer }).processRequest(request);
      await time.advance(9999);
      expect(time.timers).toBe(1);
      await time.advance(1);
      expect(await processed).toBe(false);
      void managerOf([never], { middlewareTimeout: 0, setTimer: time.setTimer }).processRequest(fakeRequest());
      expect(time.timers).toBe(0);
    });

    it("leaves no timer and no listener behind when the answer has come", async () => {
      const time = new VirtualClock({ automatic: false });
      const request = fakeRequest();
      const added = vi.spyOn(request.signal, "addEventListener");
      const removed = vi.spyOn(request.signal, "removeEventListener");
      await managerOf([async () => true], { setTimer: time.setTimer }).processRequest(request);
      expect(time.timers).toBe(0);
      expect(added).toHaveBeenCalledTimes(1);
      expect(removed.mock.calls[0]?.slice(0, 2)).toEqual(added.mock.calls[0]?.slice(0, 2));
    });

    it("not for a client that has gone: at once, without a rejection, whatever comes later", async () => {
      const request = fakeRequest();
      let fail: (error: Error) => void = () => {};
      const next = vi.fn(() => true);
      const waiting = (): Promise<boolean> =>
        new Promise((_resolve, reject) => {
          fail = reject;
        });
      const processed = managerOf([waiting, next]).processRequest(request);
      cancelRequest(request, new SessionError("gone"));
      expect(await processed).toBe(false);
      expect(request.signal.aborted).toBe(true);
      fail(new Error("late"));
      await new Promise((resolve) => setImmediate(resolve));
      expect(request.rejection).toBeUndefined();
      expect(next).not.toHaveBeenCalled();
    });

    it("asks no middleware for a client that has gone already, or has gone meanwhile", async () => {
      const request = fakeRequest();
      const never = vi.fn(() => true);
      const leaving = (): boolean => {
        cancelRequest(request, new SessionError("gone"));
        return true;
      };
      expect(await managerOf([leaving, never]).processRequest(request)).toBe(false);
      expect(await managerOf([never]).processRequest(request)).toBe(false);
      expect(never).not.toHaveBeenCalled();
      const other = fakeRequest();
      const last = (): boolean => {
        cancelRequest(other, new SessionError("gone"));
        return true;
      };
      expect(await managerOf([last]).processRequest(other)).toBe(false);
      expect(other.rejection).toBeUndefined();
    });
  });

  describe("starts and stops", () => {
    const withLife = (name: string, log: string[], failing = ""): Middleware =>
      Object.assign(() => true, {
        start: async () => {
          log.push(`${name} starts`);
          if (failing === "start") throw new Error(`${name} cannot start`);
        },
        stop: () => {
          log.push(`${name} stops`);
          if (failing === "stop") throw new Error(`${name} cannot stop`);
        },
      });

    it("middleware objects in order and in reverse, the same one once", async () => {
      const log: string[] = [];
      const [a, b] = [withLife("a", log), withLife("b", log)];
      const manager = managerOf([a, yes, b, a]);
      await manager.start();
      await manager.stop();
      expect(log).toEqual(["a starts", "b starts", "b stops", "a stops"]);
    });

    it("stops those that have started when one cannot, and tells why", async () => {
      const log: string[] = [];
      const chain = [withLife("a", log, "stop"), withLife("b", log), withLife("c", log, "start"), withLife("d", log)];
      await expect(startMiddleware(chain)).rejects.toThrow("c cannot start");
      expect(log).toEqual(["a starts", "b starts", "c starts", "b stops", "a stops"]);
    });

    it("stops all even if one cannot", async () => {
      const log: string[] = [];
      const stopped = managerOf([withLife("a", log), withLife("b", log, "stop")]).stop();
      await expect(stopped).rejects.toMatchObject({ errors: [{ message: "b cannot stop" }] });
      expect(log).toEqual(["b stops", "a stops"]);
    });
  });
});
