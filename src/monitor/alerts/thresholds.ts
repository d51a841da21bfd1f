import { nearestName } from "../../base/nearest-name.ts";
import { functionOrObject } from "../../config/option-checks.ts";
import { refused } from "../../config/option-table.ts";

import type { Threshold } from "./rule.ts";

/** The built-in rules, each with what its value is, and from where on it is told. */
export const defaultThresholds = Object.freeze({
  /** Share of connections that could be set up, over the window: that or less. */
  success_rate: { degraded: 0.9, unhealthy: 0.5 },
  /** Share of handshakes that failed, over the window. */
  handshake_failures: { degraded: 0.1, unhealthy: 0.5 },
  /** Share of a limit that is used (`maxConnections`, `maxSessions`); what was refused for a limit counts as all of it. */
  limits: { degraded: 0.9, unhealthy: false },
  /** Milliseconds that one of a hundred timers ran late, of the worst worker. */
  event_loop_delay: { degraded: 100, unhealthy: 1000 },
  /** Share of `maxTotalBufferSize`, or of `maxSessionBufferSize` of the fullest session. */
  buffers: { degraded: 0.9, unhealthy: false },
  /** Share of the datagrams that were dropped here, over the window. */
  datagram_drops: { degraded: 0.05, unhealthy: false },
  /** Share of the packets that were lost on their way to clients, over the window. */
  packet_loss: { degraded: 0.05, unhealthy: 0.25 },
  /** Share of the heap's limit (worst worker), or of the machine's or container's memory. */
  memory: { degraded: 0.85, unhealthy: 0.95 },
  /**
   * Days that the certificate is valid for, that or less. One that is made for two weeks or less counts as having thirteen
   * more until its last day, since it is renewed late.
   */
  certificate: { degraded: 14, unhealthy: 0 },
  /** Share of the workers that are missing or do not answer. */
  workers: { degraded: 0.001, unhealthy: 0.5 },
} as const satisfies Readonly<Record<string, Threshold>>);

export type BuiltInAlertId = keyof typeof defaultThresholds;

export type Thresholds = Readonly<Record<BuiltInAlertId, Threshold>>;

/** A level that is left out keeps its default; `false` for a whole rule turns it off. */
export type ThresholdOptions = Readonly<Partial<Record<BuiltInAlertId, Partial<Threshold> | false>>>;

const falling: ReadonlySet<string> = new Set<BuiltInAlertId>(["success_rate", "certificate"]);

export const builtInIds = Object.keys(defaultThresholds) as readonly BuiltInAlertId[];

/** With every default. Throws ConfigurationError. */
export function completeThresholds(given: ThresholdOptions = {}): Thresholds {
  const reason = functionOrObject(given);
  if (reason !== undefined) throw refused("thresholds", given, reason);
  for (const id of Object.keys(given)) {
    if (Object.hasOwn(defaultThresholds, id)) continue;
    const meant = nearestName(id, builtInIds);
    throw refused(`thresholds.${id}`, undefined, `is no alert${meant === undefined ? "" : `; did you mean ${meant}?`}`);
  }
  const complete = builtInIds.map((id): [BuiltInAlertId, Threshold] => [id, thresholdOf(id, given[id])]);
  return Object.fromEntries(complete) as Thresholds;
}

function thresholdOf(id: BuiltInAlertId, given: Partial<Threshold> | false | undefined): Threshold {
  if (given === false) return { degraded: false, unhealthy: false };
  if (given !== undefined && (typeof given !== "object" || (given as unknown) === null)) {
    throw refused(`thresholds.${id}`, given, "must be false or an object of degraded and unhealthy");
  }
  for (const name of Object.keys(given ?? {})) {
    if (name === "degraded" || name === "unhealthy") continue;
    throw refused(`thresholds.${id}.${name}`, undefined, "is no level: there are degraded and unhealthy");
  }
  const { degraded, unhealthy }: Threshold = { ...defaultThresholds[id], ...withoutUndefined(given) };
  for (const [level, value] of Object.entries({ degraded, unhealthy })) {
    const isAllowed = value === false || (typeof value === "number" && Number.isFinite(value) && value >= 0);
    if (!isAllowed) throw refused(`thresholds.${id}.${level}`, value, "must be false or a number of 0 or more");
  }
  if (degraded !== false && unhealthy !== false) {
    const isOrdered = falling.has(id) ? degraded >= unhealthy : degraded <= unhealthy;
    if (!isOrdered) {
      const order = falling.has(id) ? "at most" : "at least";
      throw refused(`thresholds.${id}.unhealthy`, unhealthy, `must be ${order} as large as degraded (${degraded})`);
    }
  }
  return { degraded, unhealthy };
}

function withoutUndefined(given: Partial<Threshold> | undefined): Partial<Threshold> {
  return Object.fromEntries(Object.entries(given ?? {}).filter(([, value]) => (value as unknown) !== undefined));
}
