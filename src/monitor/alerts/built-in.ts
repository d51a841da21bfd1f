/** The built-in rules. What each of them means, and what to do, stands in docs/guide/debugging.md. */
import { handshakeFailureCauses, refusalCauses } from "../../engine/handshake-failures.ts";

import type { MonitorMetrics } from "../metrics.ts";
import { levelOf } from "./rule.ts";
import type { AlertLevel, Finding, MonitorRule, Threshold } from "./rule.ts";
import type { BuiltInAlertId, Thresholds } from "./thresholds.ts";

// A share of a few says nothing.
const leastAttempts = 10;
const leastPackets = 1000;
const leastDatagrams = 100;

const day = 24 * 3600 * 1000;
/** A certificate that browsers trust by its hash is valid for two weeks at most, and renewed on its last day. */
const shortLived = 14 * day;

type Check = (metrics: MonitorMetrics, threshold: Threshold) => Finding | undefined;

const checks: Readonly<Record<BuiltInAlertId, Check>> = {
  success_rate: ({ window: { successRate, attempts } }, threshold) => {
    if (successRate === undefined || attempts <= leastAttempts) return undefined;
    const reason = `Low connection success rate: ${percent(successRate)} of ${attempts} attempts`;
    return finding(levelOf(successRate, threshold, "falling"), reason, 1 - successRate);
  },
  handshake_failures: ({ window: { handshakeFailures: failed, attempts }, figures }, threshold) => {
    if (failed === undefined || attempts <= leastAttempts) return undefined;
    const reason = `${percent(failed)} of ${attempts} handshakes failed${mostFrequentFailure(figures)}`;
    return finding(levelOf(failed, threshold), reason, failed);
  },
  limits: (metrics, threshold) => {
    const { value, reason } = mostUsedLimit(metrics);
    return finding(levelOf(value, threshold), reason, value);
  },
  event_loop_delay: ({ workers }, threshold) => {
    const [worst] = workers
      .flatMap(({ id, eventLoopDelay: { p99 } }) => (p99 === undefined ? [] : [{ id, p99 }]))
      .sort((left, right) => right.p99 - left.p99);
    if (worst === undefined) return undefined;
    const reason = `The event loop${ofWorker(worst.id)} is late: one of a hundred timers by ${worst.p99.toFixed(0)} ms`;
    return finding(levelOf(worst.p99, threshold), reason, worst.p99);
  },
  buffers: ({ figures: { buffers } }, threshold) => {
    const all = (buffers.used + buffers.reserved) / buffers.limit;
    const one = buffers.largestSession / buffers.sessionLimit;
    const reason =
      all >= one
        ? `Unread data fills ${percent(all)} of maxTotalBufferSize (${size(buffers.limit)})`
        : `Unread data of one session fills ${percent(one)} of maxSessionBufferSize (${size(buffers.sessionLimit)})`;
    const value = Math.max(all, one);
    return finding(levelOf(value, threshold), reason, value);
  },
  datagram_drops: ({ window: { datagramDrops, datagrams } }, threshold) => {
    if (datagramDrops === undefined || datagrams < leastDatagrams) return undefined;
    const reason = `${percent(datagramDrops)} of ${datagrams} datagrams were dropped`;
    return finding(levelOf(datagramDrops, threshold), reason, datagramDrops);
  },
  packet_loss: ({ window: { packetLoss, packets } }, threshold) => {
    if (packetLoss === undefined || packets < leastPackets) return undefined;
    const reason = `${percent(packetLoss)} of ${packets} packets were lost`;
    return finding(levelOf(packetLoss, threshold), reason, packetLoss);
  },
  memory: ({ figures: { memory }, workers }, threshold) => {
    const resident = memory.resident / memory.limit;
    const [worst] = workers
      .map(({ id, heapUsed = 0, heapLimit = 1 }) => ({ id, heap: heapUsed / heapLimit }))
      .sort((left, right) => right.heap - left.heap);
    const heap = worst?.heap ?? 0;
    const reason =
      resident >= heap
        ? `The process uses ${percent(resident)} of the memory that there is (${size(memory.limit)})`
        : `The JavaScript heap${ofWorker(worst?.id ?? "")} uses ${percent(heap)} of what it may grow to`;
    const value = Math.max(resident, heap);
    return finding(levelOf(value, threshold), reason, value);
  },
  certificate: ({ figures: { certificates }, timestamp }, threshold) => {
    const [first] = certificates
      .map(({ serverName, notBefore, notAfter }) => {
        const left = (notAfter - timestamp) / day;
        return {
          serverName,
          notAfter,
          left,
          counted: notAfter - notBefore <= shortLived && left > 0 ? left + 13 : left,
        };
      })
      .sort((left, right) => left.counted - right.counted);
    if (first === undefined) return undefined;
    const name = first.serverName === "" ? "The certificate" : `The certificate of ${first.serverName}`;
    const end = new Date(first.notAfter).toISOString();
    const reason = first.left > 0 ? `${name} ends in ${days(first.left)}, at ${end}` : `${name} has ended at ${end}`;
    return finding(levelOf(first.counted, threshold, "falling"), reason, 1 / Math.max(first.left, 0.01));
  },
  workers: ({ workers }, threshold) => {
    const away = workers.filter(({ state }) => state === "missing" || state === "unresponsive");
    const value = away.length / workers.length;
    const names = away.map(({ id, state }) => `${id} ${state}`).join(", ");
    return finding(
      levelOf(value, threshold),
      `${away.length} of ${workers.length} workers do not work: ${names}`,
      value,
    );
  },
};

/** No threshold changes it. A server that has not begun, or is being closed, is meant not to serve. */
export const notServing: MonitorRule = {
  id: "not_serving",
  check: ({ isServing, isDraining, hasServed }) =>
    isServing || isDraining || !hasServed ? undefined : { status: "unhealthy", reason: "Server is not serving." },
};

export function builtInRules(thresholds: Thresholds): readonly MonitorRule[] {
  return Object.entries(checks).map(([id, check]) => ({
    id,
    check: (metrics) => check(metrics, thresholds[id as BuiltInAlertId]),
  }));
}

function finding(status: AlertLevel | undefined, reason: string, value: number): Finding | undefined {
  return status && { status, reason, value };
}

function mostUsedLimit({ figures: { connections, sessions }, window }: MonitorMetrics): {
  readonly value: number;
  readonly reason: string;
} {
  if (window.limitRefusals > 0) {
    const reason = `${window.limitRefusals} connections or sessions were refused because a limit is reached`;
    return { value: 1, reason };
  }
  const ofConnections = connections.active / connections.limit;
  const ofSessions = sessions.active / sessions.limit;
  return ofConnections >= ofSessions
    ? { value: ofConnections, reason: usage(connections, "connections", "maxConnections", ofConnections) }
    : { value: ofSessions, reason: usage(sessions, "sessions", "maxSessions", ofSessions) };
}

function usage(
  { active, limit }: { readonly active: number; readonly limit: number },
  what: string,
  option: string,
  share: number,
): string {
  return `${active} ${what} are ${percent(share)} of ${option} (${limit})`;
}

/** Since the server was made: the cause of many is the cause of the latest, too. */
function mostFrequentFailure({ connections: { handshakeFailures } }: MonitorMetrics["figures"]): string {
  const refusals: readonly string[] = refusalCauses;
  const [cause] = handshakeFailureCauses
    .filter((name) => !refusals.includes(name) && handshakeFailures[name] > 0)
    .sort((left, right) => handshakeFailures[right] - handshakeFailures[left]);
  return cause === undefined ? "" : `, most of them for "${cause}"`;
}

function ofWorker(id: string): string {
  return id === "" ? "" : ` of worker ${id}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)}%`;
}

function size(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(0)} MiB`;
}

function days(count: number): string {
  return count < 2 ? `${Math.floor(count * 24)} hours` : `${Math.floor(count)} days`;
}
