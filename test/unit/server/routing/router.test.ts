import { describe, expect, it, vi } from "vitest";

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
    expect(router.match("/echo")?.target).toBe("/echo");
    expect(router.match("/")?.target).toBe("/");
    for (const path of ["/echo/", "/Echo", "/ech", "/echo/x", ""]) expect(router.match(path)).toBeUndefined();
  });

  it("gives the values of a path's parameters, percent-decoded once", () => {
    const router = routerOf("/rooms/:room/seats/:seat");
    expect(router.match("/rooms/a%2520b/seats/%C3%BC")).toEqual({
      target: "/rooms/:room/seats/:seat",
      pathParams: ["a%20b", "ü"],
      params: { room: "a%20b", seat: "ü" },
      route: "/rooms/:room/seats/:seat",
    });
    expect(router.match("/rooms//seats/1")).toBeUndefined();
    expect(router.match("/rooms/1/2/seats/3")).toBeUndefined();
  });

  it("takes what is no valid percent-encoding as it stands", () => {
    expect(routerOf("/a/:b").match("/a/%zz")?.params).toEqual({ b: "%zz" });
  });

  it("anchors a pattern at both ends and gives its groups", () => {
    const router = routerOf(/\/users\/(?<id>\d+)(\/photo)?/);
    expect(router.match("/users/7")).toMatchObject({ pathParams: ["7", ""], params: { id: "7" } });
    expect(router.match("/users/7/photo")?.pathParams).toEqual(["7", "/photo"]);
    for (const path of ["/users/x", "/a/users/7", "/users/7/photos"]) {
      expect(router.match(path)).toBeUndefined();
    }
  });

  it("takes a pattern as text and one with the global flag", () => {
    const router = new RequestRouter<string>();
    router.addPatternRoute("/n/(\\d+)", "text");
    router.addPatternRoute(/\/g\/\d+/g, "global");
    for (const path of ["/g/1", "/g/1"]) expect(router.match(path)?.target).toBe("global");
    expect(router.match("/n/12")?.pathParams).toEqual(["12"]);
  });

  it("prefers exact paths, then the order of registration, then the default", () => {
    const router = routerOf(/\/a.*/, "/:any", "/ab");
    router.setDefaultHandler("default");
    expect(router.match("/ab")?.target).toBe("/ab");
    expect(router.match("/ac")?.target).toBe("\\/a.*");
    expect(router.match("/b")?.target).toBe("/:any");
    expect(router.match("/b/c")?.target).toBe("default");
  });

  it.each(["echo", "", "/a?b", "/a#b", "/:1", "/:", "/:a/:a"])("refuses the path %j", (path) => {
    expect(() => routerOf(path)).toThrow(expect.objectContaining({ code: "ERR_WT_CONFIGURATION" }) as Error);
  });

  // "." and ".." are resolved before a request is sent; the other ones no URL keeps as they are.
  it.each(["/a/../b", "/a/.", "/..", "/a/%2E%2e/b", "/%2e", "/:a/..", "/a\\b", "/a\tb", "/a\n", "/\u007f", "/a\ud800"])(
    "refuses the path %j, which no request can have",
    (path) => {
      expect(() => routerOf(path)).toThrow(expect.objectContaining({ code: "ERR_WT_CONFIGURATION" }) as Error);
    },
  );

  it.each([
    ["/räume", "/r%C3%A4ume"],
    ["/r%c3%a4ume", "/räume"],
    ["/日本/𝄞", "/日本/𝄞"],
    ["/a b", "/a b"],
    ["/a%20b", "/a b"],
    ["/a ", "/a%20"],
    ["/100%", "/100%"],
    ["/100%", "/100%25"],
    ["/100%25", "/100%"],
    ["/100%zz", "/100%25zz"],
    ["/a%2Fb", "/a%2fb"],
    ["/~user", "/%7Euser"],
    ["/%7euser", "/~user"],
    ["/%41%2d%5f", "/A-_"],
    ["/a|b", "/a%7Cb"],
    ['/<"{`^}>', "/%3C%22%7B%60%5E%7D%3E"],
    ["/[1]", "/%5B1%5D"],
    ["/a//b", "/a//b"],
    ["/...", "/..."],
    ["/%FF", "/%ff"],
  ])("matches a request for %j … %j, however its URL is written", (path, requested) => {
    const router = routerOf(path);
    const { pathname } = new URL(`https://localhost${requested.replace(/ $/, "%20")}`);
    expect(router.match(pathname)?.target).toBe(path);
    expect(router.match(requested)?.target).toBe(path);
    expect(router.getRouteHandler(requested)).toBe(path);
    expect(() => router.addRoute(requested, "")).toThrow(/is registered already/);
    expect([...router.getAllRoutes().keys()]).toEqual([path]);
    expect(router.getRouteStats().matches).toEqual({ [path]: 2 });
    expect(router.removeRoute(requested)).toBe(true);
  });

  it.each([
    ["/a/b", "/a%2Fb"],
    ["/a%2Fb", "/a/b"],
    ["/a%252Fb", "/a%2Fb"],
    ["/a+b", "/a%20b"],
    ["/a+b", "/a%2Bb"],
    ["/a//b", "/a/b"],
    ["/a/b", "/a//b"],
    ["/\u00fc", "/u\u0308"],
    ["/%C3%BC", "/%FC"],
  ])("takes %j and a request for %j for two things", (path, requested) => {
    expect(routerOf(path).match(requested)).toBeUndefined();
  });

  it("decodes parameters once, whichever way the rest of the path is written", () => {
    const router = routerOf("/räume/:name/~x");
    expect(router.match("/r%c3%a4ume/a%2Fb%252F%25/%7Ex")?.params).toEqual({ name: "a/b%2F%" });
    expect(router.match("/r%C3%A4ume/100%/~x")?.params).toEqual({ name: "100%" });
    expect(router.match("/r%C3%A4ume/%E4%20/~x")?.params).toEqual({ name: "%E4%20" });
    expect(() => {
      router.addRoute("/r%C3%A4ume/:name/%7ex", "");
    }).toThrow(/is registered already/);
  });

  it("shows patterns one form of the path, and refuses those that could never match it", () => {
    const router = routerOf(/\/~r%C3%A4ume\/(?<name>.+)/);
    expect(router.match("/%7er%c3%a4ume/%c3%a4")?.params).toEqual({ name: "ä" });
    for (const pattern of [/\/räume/, "/räume", "/a b"]) {
      expect(() => {
        router.addPatternRoute(pattern, "");
      }).toThrow(/percent-encoded/);
    }
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
    router.match("/a");
    router.match("/x/y");
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
    expect(router.getAllRoutes()).toEqual(new Map());
  });

  it("gives a copy of its paths and what they lead to, without patterns", () => {
    const router = routerOf("/a", "/:b", /c/);
    const routes = router.getAllRoutes();
    expect(routes).toEqual(
      new Map([
        ["/a", "/a"],
        ["/:b", "/:b"],
      ]),
    );
    routes.clear();
    expect(router.getAllRoutes().size).toBe(2);
    expect([router.getRouteHandler("/a"), router.getRouteHandler("c"), router.getRouteHandler("/c")]).toEqual([
      "/a",
      "c",
      undefined,
    ]);
  });

  it("gives a request its parameters along with what its path leads to", () => {
    const router = routerOf("/a", "/rooms/:room");
    const request = { path: "/rooms/7", pathParams: ["stale"], params: {} };
    expect(router.routeRequest(request)).toBe("/rooms/:room");
    expect(request).toEqual({ path: "/rooms/7", pathParams: ["7"], params: { room: "7" }, route: "/rooms/:room" });
    const other = { path: "/nowhere", pathParams: [], params: {}, route: "stale" };
    expect(router.routeRequest(other)).toBeUndefined();
    router.setDefaultHandler("default");
    expect(router.routeRequest(other)).toBe("default");
    expect(other.route).toBeUndefined();
    router.setDefaultHandler(undefined);
    expect(router.routeRequest(other)).toBeUndefined();
    expect(router.getRouteStats()).toMatchObject({ unmatched: 3, hasDefaultHandler: false });
  });

  it("does as much for one of 10,000 exact routes as for one of ten", () => {
    const work = (count: number): unknown => {
      const router = new RequestRouter<number>();
      router.addPatternRoute("/p.*", -1);
      for (let index = 0; index < count; index += 1) router.addRoute(`/room/${index}`, index);
      const looked = vi.spyOn(Map.prototype, "get");
      const iterated = vi.spyOn(Map.prototype, "values");
      const tried = vi.spyOn(RegExp.prototype, "exec");
      try {
        expect(router.match(`/room/${count - 1}`)?.target).toBe(count - 1);
        return [looked, iterated, tried].map(({ mock }) => mock.calls.length);
      } finally {
        vi.restoreAllMocks();
      }
    };
    const few = work(10);
    expect(few).toEqual([1, 0, expect.any(Number)]);
    expect(work(10_000)).toEqual(few);
  });

  it("is not slowed down by a path that a parameter's pattern could backtrack over", () => {
    const router = routerOf("/a/:b/:c/:d");
    expect(router.match(`/a/${"b".repeat(8000)}/`)).toBeUndefined();
  });

  it("shows no pattern a path of more than 8192 octets, and refuses such a path at its registration", () => {
    const router = routerOf(/\/a*/);
    expect(router.match(`/${"a".repeat(8191)}`)?.target).toBe("\\/a*");
    const tried = vi.spyOn(RegExp.prototype, "exec");
    expect(router.match(`/${"a".repeat(8192)}`)).toBeUndefined();
    expect(tried).not.toHaveBeenCalled();
    tried.mockRestore();
    expect(() => {
      router.addRoute(`/${"a".repeat(8192)}`, "");
    }).toThrow("a path has 8192 octets at most");
  });
});
