/** What the peer application does on each path. */
import { healthCheckHandler, RequestRouter } from "tswebtransport";
import type { WebTransportSession } from "tswebtransport";

import type { EventLog } from "./event-log.ts";
import { numberOf } from "./handler.ts";
import type { Handler } from "./handler.ts";
import { drain, echo, echoWithPrefix, push, resetStreams, sink, source } from "./traffic.ts";

export interface Route {
  readonly handler: Handler;
  /** Subprotocols that the path speaks. */
  readonly protocols?: readonly string[];
  /** The status to refuse the request with, or undefined. */
  readonly refusal?: (query: URLSearchParams) => number | undefined;
}

/** Milliseconds that a peer gets to read the last stream before the session closes. */
const readingTime = 1000;

export function makeRouter(): RequestRouter<Route> {
  const router = new RequestRouter<Route>();
  const routes: Readonly<Record<string, Route | Handler>> = {
    "/": echoWithPrefix,
    "/e2e": echoWithPrefix,
    "/echo": echo,
    "/sink": sink,
    "/source": source,
    "/push": push,
    "/reset": resetStreams,
    "/close": { handler: close, refusal: unlessValid(["code", "delay"]) },
    "/fin": { handler: finish, refusal: unlessValid(["delay"]) },
    "/drain": { handler: drainSession, refusal: unlessValid(["delay"]) },
    "/goaway": { handler: goaway, refusal: unlessValid(["delay"]) },
    "/reject": { handler: neverAccepted, refusal: (query) => statusOf(query.get("status")) },
    "/report": report,
    "/headers": headers,
    "/protocol": { handler: protocol, protocols: ["foo.v1", "bar"] },
    "/health": healthCheckHandler,
    "/stats": stats,
  };
  for (const [path, route] of Object.entries(routes)) {
    router.addRoute(path, typeof route === "function" ? { handler: route } : route);
  }
  return router;
}

function unlessValid(names: readonly string[]): (query: URLSearchParams) => number | undefined {
  return (query) => (names.every((name) => numberOf(query, name, 0) !== undefined) ? undefined : 400);
}

function statusOf(text: string | null): number {
  if (text === null) return 403;
  return /^[345]\d\d$/.test(text) ? Number(text) : 400;
}

const close: Handler = async (session, { url: { searchParams } }) => {
  await delay(session, searchParams);
  await session.close({ code: numberOf(searchParams, "code", 0) ?? 0, reason: searchParams.get("reason") ?? "" });
};

const finish: Handler = async (session, { url: { searchParams } }) => {
  await delay(session, searchParams);
  await session.close({ capsule: false });
};

const drainSession: Handler = async (session, request, peer) => {
  await delay(session, request.url.searchParams);
  session.drain();
  await echo(session, request, peer);
};

const goaway: Handler = async (session, request, peer) => {
  await delay(session, request.url.searchParams);
  session.connection.goaway();
  await echo(session, request, peer);
};

const neverAccepted: Handler = () => Promise.reject(new Error("a session of /reject was accepted"));

const report: Handler = (session, _request, { server, log }) =>
  answerStreams(session, log, () => {
    const { connections, sessions } = server.getServerStats();
    return JSON.stringify([{ kind: "stats", connections, sessions, ...log.traffic }, ...log.events]);
  });

const headers: Handler = (session, request, { log }) =>
  answerStreams(session, log, () => {
    const values: Record<string, string> = {};
    for (const [name, value] of request.rawHeaders) {
      values[name] = values[name] === undefined ? value : `${values[name]}, ${value}`;
    }
    return JSON.stringify(values);
  });

const protocol: Handler = (session, _request, { log }) => answerStreams(session, log, () => session.protocol);

const stats: Handler = async (session, _request, { server }) => {
  const stream = await session.createBidirectionalStream();
  await stream.writeAll(JSON.stringify(server.getServerStats()));
  await stream.writeClosed;
  // Acknowledged is not read: a peer that ends its half has read it, any other gets a moment.
  const signal = AbortSignal.timeout(readingTime);
  await drain(stream, signal).catch(() => undefined);
};

/** Answers every bidirectional stream whose request has come to its end. */
async function answerStreams(session: WebTransportSession, log: EventLog, answer: () => string): Promise<void> {
  for await (const stream of session.incomingBidirectionalStreams) {
    log.watchStream(stream);
    void drain(stream)
      .then(() => stream.writeAll(answer()))
      .catch(() => {
        stream.reset();
      });
  }
}

/** Waits as long as the query says, or until the session ends. */
async function delay(session: WebTransportSession, query: URLSearchParams): Promise<void> {
  const milliseconds = numberOf(query, "delay", 0) ?? 0;
  if (milliseconds === 0) return;
  let timer: NodeJS.Timeout | undefined;
  const elapsed = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.min(milliseconds, 600_000));
  });
  await Promise.race([elapsed, session.closed]);
  clearTimeout(timer);
}
