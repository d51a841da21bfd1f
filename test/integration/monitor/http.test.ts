import { request as httpRequest } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { connect as connectTcp, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { ServerError } from "../../../src/errors/errors.ts";
import type { MonitorServeOptions } from "../../../src/monitor/http/access.ts";
import type { MonitorEndpoint, MonitorServerInit } from "../../../src/monitor/http/monitor-server.ts";
import { MonitorServer } from "../../../src/monitor/http/monitor-server.ts";
import { serveOptions } from "../../../src/monitor/http/access.ts";
import type { MonitorRoute } from "../../../src/monitor/http/exchange.ts";
import { ServerMonitor } from "../../../src/monitor/server-monitor.ts";
import { echoHandler } from "../../../src/server/handlers.ts";

import { ScriptedTarget } from "../../unit/monitor/scripted-target.ts";
import { LocalServer, turnsUntil } from "../end-to-end/local-server.ts";

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** `fetch` would not send a Host header of the test's choosing. */
function ask(url: string, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { method, headers, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      });
      response.on("error", reject);
    });
    sent.on("error", reject).end();
  });
}

const token = "a-token-of-some-length";
const basic = (password: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`anybody:${password}`).toString("base64")}`,
});

describe("monitor.serve()", () => {
  let server: LocalServer;
  let monitor: ServerMonitor;

  beforeEach(async () => {
    server = await LocalServer.start((app) => app.route("/echo", echoHandler));
    monitor = new ServerMonitor(server.app, { monitoringInterval: 3_600_000 });
  });
  afterEach(async () => {
    await monitor.stop();
    await server.close();
  });

  async function serve(options: MonitorServeOptions = {}): Promise<MonitorEndpoint> {
    return monitor.serve({ port: 0, ...options });
  }

  it("listens on this machine alone, starts the monitor, and tells its address", async () => {
    const { address, url } = await serve();
    expect(["127.0.0.1", "::1"]).toContain(address.host);
    expect(url).toBe(`http://localhost:${address.port}/`);
    expect(monitor.isMonitoring).toBe(true);
    expect(await ask(`${url}metrics`)).toMatchObject({
      status: 200,
      headers: {
        "content-type": "text/plain; version=0.0.4; charset=utf-8",
        vary: "accept",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
      },
    });
  });

  it("gives OpenMetrics to those who ask for it", async () => {
    const { url } = await serve();
    const { headers, body } = await ask(`${url}metrics`, { accept: "application/openmetrics-text;version=1.0.0" });
    expect(headers["content-type"]).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
    expect(body.endsWith("# EOF\n")).toBe(true);
  });

  it("tells orchestrators that the server is alive and ready, drains, and has ended", async () => {
    const { url } = await serve();
    const probes = async (): Promise<string[]> => {
      const answers = await Promise.all([ask(`${url}healthz`), ask(`${url}readyz`)]);
      return answers.map(({ status, body }) => `${status} ${(JSON.parse(body) as { status: string }).status}`);
    };
    expect(await probes()).toEqual(["200 alive", "200 ready"]);
    const session = await server.connect("/echo");
    const closing = server.app.close({ timeout: 60_000 });
    await session.draining;
    expect(await probes()).toEqual(["200 alive", "503 draining"]);
    await session.close();
    await closing;
    expect(await probes()).toEqual(["503 not serving", "503 not serving"]);
  });

  it("knows that a server has served and ended, though nobody has looked meanwhile", async () => {
    await server.close();
    const { url } = await serve();
    expect((await ask(`${url}healthz`)).status).toBe(503);
  });

  it("takes a process for alive whose server has not listened yet", async () => {
    const target = new ScriptedTarget();
    Object.assign(target, { isServing: false, hasServed: false });
    monitor = new ServerMonitor(target);
    const { url } = await serve();
    expect((await ask(`${url}healthz`)).status).toBe(200);
    expect((await ask(`${url}readyz`)).status).toBe(503);
  });

  it("answers HEAD without a body, other methods with 405, other paths with 404", async () => {
    const { url } = await serve();
    expect(await ask(`${url}metrics`, {}, "HEAD")).toMatchObject({ status: 200, body: "" });
    expect(await ask(`${url}metrics`, {}, "POST")).toMatchObject({ status: 405, headers: { allow: "GET, HEAD" } });
    expect((await ask(`${url}other`)).status).toBe(404);
    expect((await ask(`${url}metrics/more`)).status).toBe(404);
    expect((await ask(`${url}metrics?query=1`)).status).toBe(200);
  });

  it.each([
    ["attacker.example", 421],
    ["attacker.example:9464", 421],
    ["localhost.attacker.example", 421],
    ["127.0.0.1.attacker.example", 421],
    ["127.attacker.example", 421],
    ["localhost@attacker.example", 421],
    ["localhost", 200],
    ["LOCALHOST:1", 200],
    ["127.0.0.1:9464", 200],
    ["[::1]:9464", 200],
    ["metrics.example", 200],
  ])(
    "answers a request for the host %j with %i: no page of the web may read it by a name of its own",
    async (host, status) => {
      const { url } = await serve({ allowedHosts: ["Metrics.Example"] });
      expect((await ask(`${url}metrics`, { host })).status).toBe(status);
      expect((await ask(`${url}healthz`, { host })).status).toBe(status);
    },
  );

  it("wants the token, as a bearer's or as a password, but not of probes", async () => {
    const { url } = await serve({ token });
    const statusOf = async (headers: Record<string, string>, path = "metrics"): Promise<number> =>
      (await ask(`${url}${path}`, headers)).status;
    expect(await ask(`${url}metrics`)).toMatchObject({
      status: 401,
      headers: { "www-authenticate": 'Basic realm="tswebtransport monitor", charset="UTF-8"' },
    });
    for (const wrong of [
      `Bearer ${token}x`,
      `Bearer ${token.slice(1)}`,
      "Bearer",
      token,
      `Digest ${token}`,
      "Basic !!",
    ]) {
      expect(await statusOf({ authorization: wrong })).toBe(401);
    }
    expect(await statusOf(basic("wrong"))).toBe(401);
    expect(await statusOf({ authorization: `Bearer ${token}` })).toBe(200);
    expect(await statusOf({ authorization: `bearer  ${token}` })).toBe(200);
    expect(await statusOf(basic(token))).toBe(200);
    // Nobody without it learns which paths there are.
    expect(await statusOf({}, "nothing")).toBe(401);
    expect(await statusOf({}, "healthz")).toBe(200);
    expect(await statusOf({}, "readyz")).toBe(200);
  });

  it("can be reached from elsewhere when authorize or a token guards it", async () => {
    const { url } = await serve({ host: "0.0.0.0", token });
    const { port } = new URL(url);
    const local = `http://127.0.0.1:${port}/metrics`;
    expect((await ask(local, { host: "metrics.example" })).status).toBe(401);
    expect((await ask(local, { host: "metrics.example", authorization: `Bearer ${token}` })).status).toBe(200);
  });

  it("admits whom authorize admits, and nobody when it fails or gives no clear answer", async () => {
    const answers: unknown[] = [true, false, undefined, "yes", Promise.resolve(true), Promise.resolve(false)];
    const asked: (string | undefined)[] = [];
    const { url } = await serve({
      host: "0.0.0.0",
      authorize: (request) => {
        asked.push(request.headers["x-key"] as string | undefined);
        if (answers.length === 0) throw new Error("on purpose");
        return answers.shift() as boolean;
      },
    });
    const local = `http://127.0.0.1:${new URL(url).port}/metrics`;
    const statuses: number[] = [];
    for (let count = 0; count < 7; count += 1) statuses.push((await ask(local, { "x-key": `${count}` })).status);
    expect(statuses).toEqual([200, 403, 403, 403, 200, 403, 403]);
    expect(asked).toEqual(["0", "1", "2", "3", "4", "5", "6"]);
  });

  it("wants both where token and authorize are given", async () => {
    let isAllowed = false;
    const { url } = await serve({ token, authorize: () => isAllowed });
    const headers = { authorization: `Bearer ${token}` };
    expect((await ask(`${url}metrics`, headers)).status).toBe(403);
    isAllowed = true;
    expect((await ask(`${url}metrics`, headers)).status).toBe(200);
    expect((await ask(`${url}metrics`)).status).toBe(401);
  });

  it("ends with stop(), with close(), and at the end of a block", async () => {
    const refused = async (url: string): Promise<void> => {
      await expect(ask(`${url}healthz`)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    };
    const [one, other] = [await serve(), await serve()];
    await one.close();
    await one.close();
    await refused(one.url);
    expect((await ask(`${other.url}healthz`)).status).toBe(200);
    await monitor.stop();
    await refused(other.url);
    let url: string;
    {
      await using endpoint = await serve();
      ({ url } = endpoint);
      expect((await ask(`${url}healthz`)).status).toBe(200);
    }
    await refused(url);
  });

  it("is closed when the monitor is stopped while it begins to listen", async () => {
    const serving = serve();
    serving.catch(() => {});
    await monitor.stop();
    await expect(serving).rejects.toBeInstanceOf(ServerError);
  });

  it("says so when the port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as AddressInfo;
    const serving = serve({ host: "127.0.0.1", port });
    await expect(serving).rejects.toBeInstanceOf(ServerError);
    await expect(serving).rejects.toThrow(`Cannot serve the monitor on 127.0.0.1:${port}: `);
    await new Promise((resolve) => other.close(resolve));
  });

  it("answers 500 when the figures cannot be read, and goes on", async () => {
    const target = new ScriptedTarget();
    monitor = new ServerMonitor(target);
    const { url } = await serve();
    target.failure = new Error("secret cause");
    const { status, body } = await ask(`${url}metrics`);
    expect([status, body]).toEqual([500, "Internal server error\n"]);
    target.failure = undefined;
    expect((await ask(`${url}metrics`)).status).toBe(200);
  });

  it("ends an answer that does not end by itself, when its client goes or the monitor is stopped", async () => {
    let open = 0;
    const endless: MonitorRoute = {
      path: "/stream/*",
      handle: ({ response, signal }) => {
        open += 1;
        response.write("begun\n");
        signal.addEventListener("abort", () => {
          open -= 1;
          response.end();
        });
      },
    };
    const { logger } = monitor.target;
    const init = { ...serveOptions({ port: 0 }, logger), monitor, routes: [endless], logger };
    const endpoint = await MonitorServer.listen(init);
    const begin = async (): Promise<() => void> => {
      const sent = httpRequest(`${endpoint.url}stream/x`, { agent: false }).on("error", () => {});
      await new Promise((resolve) => sent.once("response", (response) => response.once("data", resolve)).end());
      return () => sent.destroy();
    };
    const [leave] = [await begin(), await begin()];
    expect(open).toBe(2);
    leave();
    await turnsUntil(() => open === 1);
    await endpoint.close();
    expect(open).toBe(0);
  });

  /** A server of one route, which `handle` answers. */
  async function listen(
    handle: MonitorRoute["handle"],
    more: Partial<MonitorServerInit & MonitorServeOptions> = {},
  ): Promise<MonitorServer> {
    const { logger } = monitor.target;
    const { patience, ...options } = more;
    const init = { ...serveOptions({ port: 0, host: "127.0.0.1", ...options }, logger), monitor, logger };
    const routes: MonitorRoute[] = [{ path: "/x", handle }];
    return MonitorServer.listen({ ...init, routes, ...(patience !== undefined && { patience }) });
  }
  const oneRequest = "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n";

  it("ends the connection of a client that sends further requests and reads no answer", async () => {
    let handled = 0;
    await using endpoint = await listen(async ({ response }) => {
      handled += 1;
      await new Promise((resolve) => setImmediate(resolve));
      response.end("answer");
    });
    const client = connectTcp(endpoint.address.port, "127.0.0.1").on("error", () => {});
    client.write(oneRequest.repeat(1000));
    await new Promise((resolve) => client.resume().once("close", resolve));
    expect(handled).toBeLessThanOrEqual(8);
    // One after the other is what a connection is kept for.
    const other = connectTcp(endpoint.address.port, "127.0.0.1");
    for (let count = 0; count < 20; count += 1) {
      other.write(oneRequest);
      await new Promise((resolve) => other.once("data", resolve));
    }
    other.destroy();
    expect(handled).toBeLessThanOrEqual(28);
  });

  it("ends the connection of a client that takes too long for its request, or does not read the answer", async () => {
    let isOver = false;
    const patience = { request: 200, answer: 200 };
    await using endpoint = await listen(
      ({ response, signal }) => {
        signal.addEventListener("abort", () => (isOver = true));
        response.end(Buffer.alloc(64 * 1_048_576));
      },
      { patience },
    );
    const client = (text: string): Socket => {
      const socket = connectTcp(endpoint.address.port, "127.0.0.1").on("error", () => {});
      socket.write(text);
      return socket;
    };
    const slow = [client(""), client("GET /x HTTP/1.1\r\nHost: loc")];
    const silent = client(oneRequest).pause();
    await Promise.all(slow.map((socket) => new Promise((resolve) => socket.resume().once("close", resolve))));
    await turnsUntil(() => isOver);
    silent.destroy();
  });

  it("forgets a client that has gone while authorize was asked", async () => {
    let handled = 0;
    let isOver = false;
    let admit: ((answer: boolean) => void) | undefined;
    await using endpoint = await listen(() => void (handled += 1), {
      authorize: ({ socket }) => {
        socket.once("close", () => (isOver = true));
        return new Promise((resolve) => (admit = resolve));
      },
    });
    const client = connectTcp(endpoint.address.port, "127.0.0.1");
    client.write(oneRequest);
    await turnsUntil(() => admit !== undefined);
    client.destroy();
    await turnsUntil(() => isOver);
    admit?.(true);
    await new Promise((resolve) => setImmediate(resolve));
    expect(handled).toBe(0);
  });

  it("answers no page of another site, but for a link that leads here", async () => {
    const { url } = await serve();
    const statusOf = async (site: string, mode: string, path = "metrics"): Promise<number> =>
      (await ask(`${url}${path}`, { "sec-fetch-site": site, "sec-fetch-mode": mode })).status;
    expect(await statusOf("cross-site", "no-cors")).toBe(403);
    expect(await statusOf("cross-site", "cors", "healthz")).toBe(403);
    expect(await statusOf("cross-site", "navigate")).toBe(200);
    expect(await statusOf("same-origin", "cors")).toBe(200);
    expect(await statusOf("none", "navigate")).toBe(200);
  });
});
