import type { ServerConfig } from "../../config/server-config.ts";
import type { BufferBudget } from "../../transport/streams/buffer-budget.ts";
import { sizeText } from "../../transport/streams/unread.ts";

import type { ServerStats } from "../server-stats.ts";
import { serverCertificateIssues } from "./certificate-issues.ts";
import { handshakeIssues } from "./handshake-issues.ts";
import type { HandshakeLimits } from "./handshake-issues.ts";
import { socketIssues } from "./socket-issues.ts";
import type { DiagnosedEndpoint } from "./socket-issues.ts";

/** Sentences about single connections and sessions; of further ones only the number is told. */
const maxSingleIssues = 20;

/** Requests before a rate of rejections means something. */
const leastRequests = 20;

interface Diagnosed {
  readonly isClosed?: boolean;
  diagnoseIssues(): string[];
}

export interface ServerIssueSources {
  readonly server: {
    readonly isServing: boolean;
    readonly config: ServerConfig;
    readonly connectionManager: Iterable<Diagnosed>;
    readonly sessionManager: Iterable<Diagnosed>;
    getServerStats(): ServerStats;
  };
  readonly budget: BufferBudget;
  /** What is wrong with the certificates that are served; undefined while none is. */
  readonly certificateIssues: readonly string[] | undefined;
  readonly endpoints: readonly DiagnosedEndpoint[];
}

export async function diagnoseServer(sources: ServerIssueSources): Promise<string[]> {
  const { server, budget, endpoints } = sources;
  const [ofCertificate, ofSockets] = await Promise.all([
    serverCertificateIssues(server.config.values, sources.certificateIssues),
    endpoints.length === 0 ? [] : socketIssues(endpoints),
  ]);
  return [
    ...(server.isServing ? [] : ["Server is not currently serving."]),
    ...countIssues(server.getServerStats(), server.config.values),
    ...budgetIssues(budget),
    ...ofCertificate,
    ...ofSockets,
    ...singleIssues(server),
  ];
}

/** What the counts tell: rates and limits. */
export function countIssues(stats: ServerStats, config: HandshakeLimits & { readonly maxSessions: number }): string[] {
  const { connectionsAccepted, connectionsRejected, sessionsRequested, sessionsRefused } = stats;
  const issues: string[] = [];
  const attempts = connectionsAccepted + connectionsRejected;
  if (isHigh(connectionsRejected, attempts)) {
    const how = `${stats.connectionsRefused} refused, ${stats.handshakeFailures} handshakes failed`;
    issues.push(`High connection rejection rate: ${connectionsRejected}/${attempts} (${how})`);
  }
  for (const issue of handshakeIssues(stats, config)) issues.push(issue);
  if (isHigh(sessionsRefused, sessionsRequested)) {
    issues.push(`High session rejection rate: ${sessionsRefused}/${sessionsRequested} (${causesOf(stats)})`);
  }
  const usages = [
    usageIssue("connection", "maxConnections", stats.connections + stats.pendingHandshakes, config.maxConnections),
    usageIssue("session", "maxSessions", stats.sessions + stats.requests, config.maxSessions),
  ];
  for (const usage of usages) if (usage !== undefined) issues.push(usage);
  const { datagramsDropped, datagramsSent, datagramsReceived } = stats.ended;
  if (datagramsDropped > 0) {
    const all = datagramsSent + datagramsReceived;
    issues.push(
      `${datagramsDropped} of ${all} datagrams of sessions that have ended were dropped: they were received too slowly, or ` +
        "more were sent than the path carried",
    );
  }
  return issues;
}

function isHigh(rejected: number, all: number): boolean {
  return all > leastRequests && rejected / all > 0.1;
}

/** The most frequent first. */
function causesOf({ refusals }: ServerStats): string {
  const causes = Object.entries(refusals).filter(([, count]) => count > 0);
  causes.sort(([, one], [, other]) => other - one);
  return causes.map(([kind, count]) => `${kind} ${count}`).join(", ");
}

function usageIssue(what: string, option: string, used: number, limit: number): string | undefined {
  if (used / limit <= 0.9) return undefined;
  return `High ${what} usage: ${((used / limit) * 100).toFixed(1)}% (${used} of ${option} ${limit})`;
}

function budgetIssues({ used, reserved, limit, isFull }: BufferBudget): string[] {
  if (!isFull && used + reserved <= limit * 0.9) return [];
  const consequence = isFull ? "so all streams wait" : "streams will wait when it is full";
  return [
    `All sessions hold ${sizeText(used)} unread and ${sizeText(reserved)} are set aside, of ${sizeText(limit)} ` +
      `(maxTotalBufferSize): ${consequence}`,
  ];
}

/** Of connections and sessions: what they wait for. A sentence that several of them have is told once. */
function singleIssues({ connectionManager, sessionManager }: ServerIssueSources["server"]): string[] {
  const found = new Set<string>();
  for (const one of [...connectionManager, ...sessionManager]) {
    if (one.isClosed === true) continue;
    for (const issue of one.diagnoseIssues()) found.add(issue);
  }
  const issues = [...found];
  if (issues.length <= maxSingleIssues) return issues;
  const more = issues.length - maxSingleIssues;
  return [...issues.slice(0, maxSingleIssues), `… and ${more} more of connections and sessions`];
}
