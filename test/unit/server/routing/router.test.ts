import { describe, expect, it } from "vitest";

import { RequestRouter } from "../../../../src/server/routing/router.ts";

function routerOf(...paths: readonly (string | RegExp)[]): RequestRouter<string> {
  const router = new RequestRouter<string>();
  for (const path of paths) {
    if (typeof path === "string") router.addRoute(path, path);
    else router.addPatternRoute(path, path.source);
  }
  return router;
}

describe("RequestRouter", () => {
  it("finds an exact path and nothing near it", () => {
    const router = routerOf("/echo", "/");
    expect(router.routeRequest({ path: "/echo" })?.target).toBe("/echo");
    expect(router.routeRequest({ path: "/" })?.target).toBe("/");
    for (const path of ["/echo/", "/Echo", "/ech", "/echo/x", ""])
      expect(router.routeRequest({ path })).toBeUndefined();
  });

  it("gives the values of a path's parameters, percent-decoded once", () => {
    const router = routerOf("/rooms/:room/seats/:seat");
    expect(router.routeRequest({ path: "/rooms/a%2520b/seats/%C3%BC" })).toEqual({
      target: "/rooms/:room/seats/:seat",
      pathParams: ["a%20b", "ü"],
      params: { room: "a%20b", seat: "ü" },
    });
    expect(router.routeRequest({ path: "/rooms//seats/1" })).toBeUndefined();
    expect(router.routeRequest({ path: "/rooms/1/2/seats/3" })).toBeUndefined();
  });

  it("takes what is no valid percent-encoding as it stands", () => {
    expect(routerOf("/a/:b").routeRequest({ path: "/a/%zz" })?.params).toEqual({ b: "%zz" });
  });

  it("anchors a pattern at both ends and gives its groups", () => {
    const router = routerOf(/\/users\/(?<id>\d+)(\/photo)?/);
    expect(router.routeRequest({ path: "/users/7" })).toMatchObject({ pathParams: ["7", ""], params: { id: "7" } });
    expect(router.routeRequest({ path: "/users/7/photo" })?.pathParams).toEqual(["7", "/photo"]);
    for (const path of ["/users/x", "/a/users/7", "/users/7/photos"]) {
      expect(router.routeRequest({ path })).toBeUndefined();
    }
  });

  it("takes a pattern as text and one with the global flag", () => {
    const router = new RequestRouter<string>();
    router.addPatternRoute("/n/(\\d+)", "text");
    router.addPatternRoute(/\/g\/\d+/g, "global");
    for (const path of ["/g/1", "/g/1"]) expect(router.routeRequest({ path })?.target).toBe("global");
    expect(router.routeRequest({ path: "/n/12" })?.pathParams).toEqual(["12"]);
  });

  it("prefers exact paths, then the order of registration, then the default", () => {
    const router = routerOf(/\/a.*/, "/:any", "/ab");
    router.setDefaultHandler("default");
    expect(router.routeRequest({ path: "/ab" })?.target).toBe("/ab");
    expect(router.routeRequest({ path: "/ac" })?.target).toBe("\\/a.*");
    expect(router.routeRequest({ path: "/b" })?.target).toBe("/:any");
    expect(router.routeRequest({ path: "/b/c" })?.target).toBe("default");
  });

  it.each(["echo", "", "/a?b", "/a#b", "/a b", "/:1", "/:", "/:a/:a"])("refuses the path %j", (path) => {
    expect(() => routerOf(path)).toThrow(expect.objectContaining({ code: "ERR_WT_CONFIGURATION" }) as Error);
  });

  it("refuses a path or pattern twice, and an invalid pattern", () => {
    const router = routerOf("/a", "/:b", /c/);
    for (const add of [
      () => router.addRoute("/a", ""),
      () => router.addRoute("/:b", ""),
      () => router.addPatternRoute("c", ""),
      () => router.addPatternRoute("(", ""),
    ]) {
      expect(add).toThrow(/Cannot add the route/);
    }
  });

  it("removes routes and tells what there is", () => {
    const router = routerOf("/a", "/:b");
    router.routeRequest({ path: "/a" });
    router.routeRequest({ path: "/x/y" });
    expect(router.getRouteHandler("/:b")).toBe("/:b");
    expect(router.getRouteStats()).toEqual({
      exactRoutes: 1,
      patternRoutes: 1,
      hasDefaultHandler: false,
      matches: { "/a": 1, "/:b": 0 },
      unmatched: 1,
    });
    expect([router.removeRoute("/a"), router.removeRoute("/:b"), router.removeRoute("/a")]).toEqual([
      true,
      true,
      false,
    ]);
    expect(router.getAllRoutes()).toEqual([]);
  });

  it("is not slowed down by a path that a parameter's pattern could backtrack over", () => {
    const router = routerOf("/a/:b/:c/:d");
    expect(router.routeRequest({ path: `/a/${"b".repeat(100_000)}/` })).toBeUndefined();
  });
});
