/**
 * The way of a session request to its acceptance: ordered steps, each of which gives a rejection or nothing. Before the
 * first of them the protocol core has turned down what it need not ask for (core-refusals.ts): 400 for several origins or
 * no URL, 421 for an authority that is not served, 429 for maxSessionsPerConnection, 431 for headers over the limits.
 */
import type { IncomingSession, Rejection, RejectionKind } from "../../transport/session/request.ts";

import { ServerError } from "../../errors/errors.ts";
import { originPolicy } from "../../config/origins.ts";

import type { ServerAccount } from "../accounts/server-account.ts";
import type { SessionManager } from "../accounts/session-manager.ts";
import type { MiddlewareChain } from "../middleware/middleware-manager.ts";
import { maxPathLength } from "../routing/paths.ts";
import type { Route } from "../routing/route.ts";
import type { RequestRouter } from "../routing/router.ts";

/** Why a step lets a request go no further; the client gets the status and the headers. */
export type StepRejection = Pick<Rejection, "status" | "kind" | "reason"> &
  Partial<Pick<Rejection, "headers" | "cause">>;

/** Nothing: the request goes on, unless the step has seen that the client is gone. */
export type Step<Subject> = (subject: Subject) => StepRejection | undefined | Promise<StepRejection | undefined>;

/** The first rejection of the steps; `undefined` when none has one, or the client has gone meanwhile. */
export async function firstRejection<Subject extends { readonly request: { readonly isAnswered: boolean } }>(
  steps: readonly Step<Subject>[],
  subject: Subject,
): Promise<StepRejection | undefined> {
  for (const step of steps) {
    const result = step(subject);
    // The steps of most requests need not wait for anything.
    const rejection = result instanceof Promise ? await result : result;
    if (rejection !== undefined) return rejection;
    if (subject.request.isAnswered) return undefined;
  }
  return undefined;
}

/** What a middleware has thrown, or that it has given no answer. */
export function errorOf({ cause, reason }: Pick<StepRejection, "cause" | "reason">): unknown {
  return cause instanceof Error ? cause : new ServerError(reason, { cause });
}

// Of every server, with ServerApp or without.

export interface ServerSubject {
  readonly request: IncomingSession;
  readonly isServing: boolean;
  readonly account: Pick<ServerAccount, "requests" | "sessions" | "ofAddress">;
  readonly sessionManager: Pick<SessionManager, "isShutDown">;
  readonly config: { readonly maxSessions: number; readonly maxSessionsPerAddress: number | undefined };
  /** Of the configuration; undefined: every origin may connect. */
  readonly allowsOrigin: ((origin: string) => boolean) | undefined;
  /** Of the configuration, then the app's. */
  readonly middleware: MiddlewareChain;
}

/** Middleware may take its time, in which the server may have been closed: so that is asked again. */
export const serverSteps: readonly Step<ServerSubject>[] = [
  serving,
  pathLength,
  sessionLimit,
  addressLimit,
  origin,
  appMiddleware,
  serving,
];

/** The check of `allowedOrigins`. */
export function allowedOriginsOf(config: {
  readonly allowedOrigins: readonly string[] | undefined;
}): ((origin: string) => boolean) | undefined {
  return config.allowedOrigins === undefined ? undefined : originPolicy(config.allowedOrigins);
}

function serving({ isServing, sessionManager }: ServerSubject): StepRejection | undefined {
  if (!isServing) return rejection(503, "closing", "the server is closing");
  return sessionManager.isShutDown ? rejection(503, "closing", "the session manager has been shut down") : undefined;
}

/** Before anybody's pattern sees the path: one that goes back and forth takes long enough with this length. */
function pathLength({ request }: ServerSubject): StepRejection | undefined {
  const { length } = request.path;
  if (length <= maxPathLength) return undefined;
  return rejection(414, "path_too_long", `the path has ${length} octets, ${maxPathLength} are allowed`);
}

/** The request itself is one of those that wait. */
function sessionLimit({ account, config: { maxSessions } }: ServerSubject): StepRejection | undefined {
  if (account.sessions.count + account.requests <= maxSessions) return undefined;
  return rejection(429, "max_sessions", `maxSessions (${maxSessions}) is reached`);
}

function addressLimit({
  request,
  account,
  config: { maxSessionsPerAddress },
}: ServerSubject): StepRejection | undefined {
  if (maxSessionsPerAddress === undefined || account.ofAddress(request.connection) <= maxSessionsPerAddress) {
    return undefined;
  }
  const reason = `maxSessionsPerAddress (${maxSessionsPerAddress}) is reached`;
  return rejection(429, "max_sessions_per_address", reason);
}

function origin({ request, allowsOrigin }: ServerSubject): StepRejection | undefined {
  if (allowsOrigin === undefined || allowsOrigin(request.origin ?? "")) return undefined;
  return rejection(403, "origin", `origin ${request.origin ?? "(none)"} is not in allowedOrigins`);
}

function appMiddleware({ request, middleware }: ServerSubject): ReturnType<Step<ServerSubject>> {
  return middleware.middlewareCount === 0 ? undefined : askChains([middleware], request);
}

/** The first rejection of the chains; `undefined` when there is none, or the client has gone. */
async function askChains(
  chains: readonly MiddlewareChain[],
  request: IncomingSession,
): Promise<StepRejection | undefined> {
  for (const chain of chains) {
    if (await chain.processRequest(request)) continue;
    if (request.isAnswered) return undefined;
    return request.rejection ?? rejection(500, "error", "a middleware chain has neither agreed nor refused");
  }
  return undefined;
}

// Of a ServerApp.

export interface AppSubject {
  readonly request: IncomingSession;
  readonly routes: RequestRouter<Route>;
  /** Found by the step `route`. */
  route?: Route;
  /** Agreed on by the step `subprotocol`. */
  protocol?: string;
}

export const appSteps: readonly Step<AppSubject>[] = [route, routeMiddleware, subprotocol];

function route(subject: AppSubject): StepRejection | undefined {
  const found = subject.routes.routeRequest(subject.request);
  if (found === undefined) return rejection(404, "route", "no route matches the path");
  subject.route = found;
  return undefined;
}

function routeMiddleware({ request, route }: AppSubject): ReturnType<Step<AppSubject>> {
  const chains = (route?.chains ?? []).filter((chain) => chain.middlewareCount > 0);
  return chains.length === 0 ? undefined : askChains(chains, request);
}

function subprotocol(subject: AppSubject): StepRejection | undefined {
  const { protocols: offered } = subject.request;
  const { protocols = [], requireProtocol = false } = subject.route?.options ?? {};
  const protocol = offered.find((each) => protocols.includes(each));
  if (protocol !== undefined) subject.protocol = protocol;
  if (protocol !== undefined || !requireProtocol) return undefined;
  // Their number only: one of them may be a token.
  const shown = ["none", "another one"][offered.length] ?? `${offered.length} others`;
  return rejection(
    400,
    "protocol",
    `the route requires a subprotocol (${protocols.join(", ")}), the client offers ${shown}`,
  );
}

function rejection(status: number, kind: RejectionKind, reason: string): StepRejection {
  return { status, kind, reason };
}
