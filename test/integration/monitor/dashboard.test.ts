import { request as httpRequest } from "node:http";
import type { IncomingHttpHeaders } from "node:http";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { MonitorServeOptions } from "../../../src/monitor/http/access.ts";
import type { MonitorEndpoint } from "../../../src/monitor/http/monitor-server.ts";
import { ServerMonitor } from "../../../src/monitor/server-monitor.ts";
import type { SessionDetail, SessionList } from "../../../src/monitor/target.ts";
import { echoHandler } from "../../../src/server/handlers.ts";

import { LocalServer } from "../end-to-end/local-server.ts";

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Question {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

function ask(url: string, { method = "GET", headers = {}, body }: Question = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { method, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      });
    });
    sent.on("error", reject).end(body);
  });
}

const token = "a-token-of-some-length";
const form = (text: string): Question => ({
  method: "POST",
  headers: { "content-type": "application/x-www-form-urlencoded" },
  body: `token=${encodeURIComponent(text)}`,
});

describe("the dashboard over HTTP", () => {
  let server: LocalServer;
  let monitor: ServerMonitor;

  beforeEach(async () => {
    server = await LocalServer.start((app) => app.route("/rooms/:name", echoHandler));
    monitor = new ServerMonitor(server.app);
  });
  afterEach(async () => {
    vi.useRealTimers();
    await monitor.stop();
    await server.close();
  });

  const serve = (options: MonitorServeOptions = {}): Promise<MonitorEndpoint> => monitor.serve({ port: 0, ...options });

  /** What Set-Cookie has made a browser keep. */
  async function logIn(url: string): Promise<string> {
    const { status, headers } = await ask(`${url}login`, form(token));
    expect([status, headers.location]).toEqual([303, "./"]);
    return headers["set-cookie"]![0]!.split(";")[0]!;
  }

  it("is a page without inline script, style or foreign resources, and says so", async () => {
    const { url } = await serve();
    const { status, headers, body } = await ask(url);
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("text/html; charset=utf-8");
    const policy = headers["content-security-policy"]!;
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    expect(body).not.toMatch(/<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|https?:\/\//);
    const references = [...body.matchAll(/ (?:src|href)="([^#"]+)"/g)].map(([, reference]) => reference!);
    expect(references.length).toBeGreaterThan(4);
    for (const reference of references.filter((each) => !each.includes("uplot"))) {
      const asset = await ask(new URL(reference, url).href);
      expect([reference, asset.status]).toEqual([reference, 200]);
      expect(asset.headers["x-content-type-options"]).toBe("nosniff");
    }
    for (const name of ["", "page/main.js", "../routes.ts", "..%2froutes.ts", "constructor", "main.js/"]) {
      expect((await ask(`${url}assets/${name}`)).status).toBe(404);
    }
  });

  it("lists sessions as asked, tells one in detail, and refuses what is no query", async () => {
    await server.connect("/rooms/attic?secret=1");
    const session = await server.connect("/rooms/%3Cb%3E");
    const stream = await session.createBidirectionalStream();
    await stream.write("x");
    await stream.read();
    const { url } = await serve();
    const list = JSON.parse((await ask(`${url}api/sessions?sort=path&descending=true`)).body) as SessionList;
    expect(list).toMatchObject({ total: 2, matching: 2 });
    expect(list.rows.map(({ path }) => path)).toEqual(["/rooms/attic", "/rooms/%3Cb%3E"]);
    const filtered = JSON.parse((await ask(`${url}api/sessions?filter=ATTIC`)).body) as SessionList;
    expect([filtered.matching, filtered.rows[0]!.path]).toEqual([1, "/rooms/attic"]);
    const { id } = list.rows[1]!;
    const answer = await ask(`${url}api/session?id=${encodeURIComponent(id)}`);
    const detail = JSON.parse(answer.body) as SessionDetail & { streamCount: number };
    expect(detail).toMatchObject({ row: { id }, streamCount: 1, connection: { sessions: 1 }, issues: [] });
    expect(detail.debugState["streams"]).toMatchObject([{ initiator: "peer", bytesRead: 1, bytesWritten: 1 }]);
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(await ask(`${url}api/session?id=nobody`)).toMatchObject({ status: 200, body: "null\n" });
    for (const query of ["sort=colour", "limit=0", "limit=5000", "offset=-1"]) {
      const refused = await ask(`${url}api/sessions?${query}`);
      expect([query, refused.status]).toEqual([query, 400]);
      expect(JSON.parse(refused.body)).toHaveProperty("error");
    }
  });

  it("needs no login without a token", async () => {
    const { url } = await serve();
    expect(await ask(`${url}login`)).toMatchObject({ status: 303, headers: { location: "./" } });
    expect(await ask(`${url}logout`, { method: "POST" })).toMatchObject({ status: 303, headers: { location: "./" } });
  });

  it("leads to the login page, and from there by the token to the figures", async () => {
    const { url } = await serve({ token });
    expect(await ask(url)).toMatchObject({ status: 303, headers: { location: "login" } });
    const page = await ask(`${url}login`);
    expect(page.status).toBe(200);
    expect(page.body).toMatch(/role="alert" hidden/);
    const wrong = await ask(`${url}login`, form(`${token}x`));
    expect(wrong).toMatchObject({ status: 303, headers: { location: "login?wrong" } });
    expect(wrong.headers["set-cookie"]).toBeUndefined();
    expect((await ask(`${url}login?wrong`)).body).not.toMatch(/role="alert" hidden/);
    // What the page asks for itself makes no browser ask a person.
    for (const path of ["api/events", "api/sessions", "api/session?id=x"]) {
      const refused = await ask(`${url}${path}`);
      expect([refused.status, refused.headers["www-authenticate"]]).toEqual([401, undefined]);
    }
    const { headers } = await ask(`${url}login`, form(token));
    const [name] = headers["set-cookie"]![0]!.split("=");
    expect(headers["set-cookie"]![0]).toMatch(
      /^\w+=\d+\.[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/,
    );
    const cookie = await logIn(url);
    expect(cookie).not.toContain(token);
    for (const path of ["", "api/sessions", "metrics"]) {
      expect((await ask(`${url}${path}`, { headers: { cookie: `other=1; ${cookie}` } })).status).toBe(200);
    }
    expect((await ask(`${url}api/sessions`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
    const out = await ask(`${url}logout`, { method: "POST", headers: { cookie } });
    expect(out.headers["set-cookie"]![0]).toMatch(new RegExp(`^${name!}=; Path=/; Max-Age=0;`));
    const secure = await ask(`${url}login`, { ...form(token), headers: { "x-forwarded-proto": "https" } });
    expect(secure.headers["set-cookie"]![0]).toMatch(/; Secure$/);
  });

  it("admits no cookie that is forged, of another token, of another port, or too old", async () => {
    const { url } = await serve({ token });
    const cookie = await logIn(url);
    const statusWith = async (text: string, at = url): Promise<number> =>
      (await ask(`${at}api/sessions`, { headers: { cookie: text } })).status;
    expect(await statusWith(cookie)).toBe(200);
    const [name, value] = cookie.split("=");
    const [expiry, signature] = value!.split(".");
    for (const forged of [
      `${Number(expiry) + 1}.${signature!}`,
      `${expiry!}.${signature!.slice(1)}x`,
      `${expiry!}.${"A".repeat(43)}`,
      `${expiry!}.`,
      `.${signature!}`,
      expiry!,
      "",
      token,
    ]) {
      expect([forged, await statusWith(`${name!}=${forged}`)]).toEqual([forged, 401]);
    }
    const other = await serve({ token });
    expect(await statusWith(cookie, other.url)).toBe(401);
    const changed = await serve({ token: "another-token-than-before" });
    const asItsOwn = `tswebtransport_monitor_${new URL(changed.url).port}=${value!}`;
    expect(await statusWith(asItsOwn, changed.url)).toBe(401);
    // A restart ends no login.
    const { port } = new URL(url);
    await monitor.stop();
    const again = await serve({ token, port: Number(port) });
    expect(await statusWith(cookie, again.url)).toBe(200);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 12 * 3600 * 1000 + 1000 });
    expect(await statusWith(cookie, again.url)).toBe(401);
  });

  it("takes forms of its own pages only, small ones, and asks authorize about them, too", async () => {
    let isAllowed = true;
    const { url } = await serve({ token, authorize: () => isAllowed });
    for (const site of ["cross-site", "same-site"]) {
      const foreign = { ...form(token), headers: { "sec-fetch-site": site } };
      expect((await ask(`${url}login`, foreign)).status).toBe(403);
      expect((await ask(`${url}logout`, foreign)).status).toBe(403);
    }
    expect((await ask(`${url}login`, form("x".repeat(10_000)))).status).toBe(413);
    expect((await ask(`${url}login`, { method: "POST" })).headers.location).toBe("login?wrong");
    expect((await ask(`${url}login`, { method: "PUT" })).headers.allow).toBe("GET, HEAD, POST");
    expect((await ask(`${url}logout`)).status).toBe(405);
    const cookie = await logIn(url);
    isAllowed = false;
    expect((await ask(`${url}login`)).status).toBe(403);
    expect((await ask(`${url}login`, form(token))).status).toBe(403);
    expect((await ask(url, { headers: { cookie } })).status).toBe(403);
    expect((await ask(`${url}login`, { headers: { host: "attacker.example" } })).status).toBe(421);
  });

  it("sends events until the client goes, and refuses more viewers than it has room for", async () => {
    const { url } = await serve();
    const open = (headers: Record<string, string> = {}): Promise<{ status: number; leave: () => void; text: string }> =>
      new Promise((resolve, reject) => {
        const sent = httpRequest(`${url}api/events`, { agent: false, headers }, (response) => {
          response.once("data", (data: Buffer) => {
            resolve({ status: response.statusCode ?? 0, leave: () => sent.destroy(), text: data.toString() });
          });
        });
        sent.on("error", reject).end();
      });
    const viewers = await Promise.all(Array.from({ length: 16 }, () => open()));
    expect(viewers.map(({ status }) => status)).toEqual(viewers.map(() => 200));
    expect(viewers[0]!.text).toMatch(/^retry: 1000\n\nevent: fields\ndata: \["time",/);
    expect((await open()).status).toBe(503);
    viewers[0]!.leave();
    let again = await open();
    while (again.status === 503) again = await open();
    expect(again.status).toBe(200);
    const head = await ask(`${url}api/events`, { method: "HEAD" });
    expect([head.status, head.body]).toEqual([200, ""]);
  });
});
