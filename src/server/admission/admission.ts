/**
 * The way of a session request to its acceptance: ordered steps, each of which gives a rejection or nothing. Before the
 * first of them the protocol core has turned down what it need not ask for (core-refusals.ts): 400 for several origins or
 * no URL, 421 for an authority that is not served, 429 for maxSessionsPerConnection, 431 for headers over the limits.
 */
import type { IncomingSession, Rejection, RejectionKind } from "../../transport/session/request.ts";

import type { Route, RouteTable } from "../routing/route.ts";
import type { ServerAccount } from "../accounts/server-account.ts";
import type { SessionManager } from "../accounts/session-manager.ts";

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

// Of every server, with ServerApp or without.

export interface ServerSubject {
  readonly request: IncomingSession;
  readonly isServing: boolean;
  readonly account: Pick<ServerAccount, "requests" | "sessions">;
  readonly sessionManager: Pick<SessionManager, "isShutDown">;
  readonly config: { readonly maxSessions: number; readonly allowedOrigins: readonly string[] | undefined };
}

export const serverSteps: readonly Step<ServerSubject>[] = [serving, sessionLimit, origin];

function serving({ isServing, sessionManager }: ServerSubject): StepRejection | undefined {
  if (!isServing) return rejection(503, "closing", "the server is closing");
  return sessionManager.isShutDown ? rejection(503, "closing", "the session manager has been shut down") : undefined;
}

/** The request itself is one of those that wait. */
function sessionLimit({ account, config: { maxSessions } }: ServerSubject): StepRejection | undefined {
  if (account.sessions.count + account.requests <= maxSessions) return undefined;
  return rejection(429, "max_sessions", `maxSessions (${maxSessions}) is reached`);
}

function origin({ request, config: { allowedOrigins } }: ServerSubject): StepRejection | undefined {
  if (allowedOrigins === undefined || allowedOrigins.includes(request.origin ?? "")) return undefined;
  return rejection(403, "origin", `origin ${request.origin ?? "(none)"} is not in allowedOrigins`);
}

// Of a ServerApp.

export interface AppSubject {
  readonly request: IncomingSession;
  readonly routes: RouteTable;
  /** Found by the step `route`. */
  route?: Route;
  /** Agreed on by the step `subprotocol`. */
  protocol?: string;
}

/** Middleware of the configuration and of the app belongs before `route`, a route's own behind it. */
export const appSteps: readonly Step<AppSubject>[] = [route, subprotocol];

function route(subject: AppSubject): StepRejection | undefined {
  const { request, routes } = subject;
  const match = routes.routeRequest(request);
  if (match === undefined) return rejection(404, "route", "no route matches the path");
  request.params = match.params;
  request.pathParams = match.pathParams;
  subject.route = match.target;
  return undefined;
}

function subprotocol(subject: AppSubject): StepRejection | undefined {
  const { protocols: offered } = subject.request;
  const { protocols = [], requireProtocol = false } = subject.route?.options ?? {};
  const protocol = offered.find((each) => protocols.includes(each));
  if (protocol !== undefined) subject.protocol = protocol;
  if (protocol !== undefined || !requireProtocol) return undefined;
  const shown = offered.join(", ") || "none";
  return rejection(400, "protocol", `the route requires a subprotocol, the client offers ${shown}`);
}

function rejection(status: number, kind: RejectionKind, reason: string): StepRejection {
  return { status, kind, reason };
}
