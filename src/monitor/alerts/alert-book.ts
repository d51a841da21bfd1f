import type { Logger } from "../../config/logger.ts";

import type { MonitorMetrics } from "../metrics.ts";
import type { AlertLevel, Finding, MonitorRule } from "./rule.ts";

/** Alerts that are kept; the oldest go first. */
const maxAlerts = 100;

/** An alert that has become worse by this factor is told again. */
const worseFactor = 2;

export interface MonitorAlert {
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
  /** Of the rule that has found it. */
  readonly id: string;
  /** "raised" for the first time, "worse" than when it was told before, or "recovered": it is over. */
  readonly type: "raised" | "worse" | "recovered";
  /** "healthy" when it is over. */
  readonly status: AlertLevel | "healthy";
  readonly reason: string;
  /** How bad it is, by the rule's measure. */
  readonly value: number | undefined;
}

/** An alert that is not over. */
export interface ActiveAlert extends Finding {
  readonly id: string;
  /** When it was raised: milliseconds since the epoch. */
  readonly since: number;
}

interface Told {
  readonly since: number;
  /** As of the last sample. */
  finding: Finding;
  /** As of the last alert. */
  toldStatus: AlertLevel;
  toldValue: number | undefined;
}

/** Which alerts are raised, and which were told: each once, again when it is worse, and when it is over. */
export class AlertBook {
  readonly #rules: readonly MonitorRule[];
  readonly #logger: Logger;
  readonly #tell: (alert: MonitorAlert) => void;
  readonly #active = new Map<string, Told>();
  /** Rules that have failed, and have not worked since. */
  readonly #failed = new Set<string>();
  #alerts: MonitorAlert[] = [];

  constructor(rules: readonly MonitorRule[], logger: Logger, tell: (alert: MonitorAlert) => void) {
    this.#rules = rules;
    this.#logger = logger;
    this.#tell = tell;
  }

  /** Oldest first. */
  get alerts(): readonly MonitorAlert[] {
    return this.#alerts;
  }

  /** The worst first. */
  get active(): readonly ActiveAlert[] {
    const active = [...this.#active].map(([id, { since, finding }]) => ({ id, since, ...finding }));
    return active.sort((left, right) => rank(right.status) - rank(left.status));
  }

  check(metrics: MonitorMetrics): void {
    for (const rule of this.#rules) {
      let finding: Finding | undefined;
      try {
        finding = checkedFinding(rule.check(metrics));
      } catch (error) {
        this.#ruleFailed(rule.id, error);
        continue;
      }
      this.#failed.delete(rule.id);
      this.#take(rule.id, finding, metrics.timestamp);
    }
  }

  /** Forgets the alerts that were told; what is raised stays raised. */
  clear(): void {
    this.#alerts = [];
  }

  /** Whether all is well is not known: an alert that is raised stays. Logged once until the rule works again. */
  #ruleFailed(id: string, error: unknown): void {
    if (this.#failed.has(id)) return;
    this.#failed.add(id);
    this.#logger.error({ error, rule: id }, "a rule of the monitor failed");
  }

  #take(id: string, finding: Finding | undefined, timestamp: number): void {
    const told = this.#active.get(id);
    if (finding === undefined) {
      if (told === undefined) return;
      this.#active.delete(id);
      const reason = `Recovered: ${told.finding.reason}`;
      this.#add({ timestamp, id, type: "recovered", status: "healthy", reason, value: undefined });
      return;
    }
    const { status, reason, value } = finding;
    if (told === undefined) {
      this.#active.set(id, { since: timestamp, finding, toldStatus: status, toldValue: value });
      this.#add({ timestamp, id, type: "raised", status, reason, value });
      return;
    }
    told.finding = finding;
    if (!isWorse(told, finding)) return;
    told.toldStatus = status;
    told.toldValue = value;
    this.#add({ timestamp, id, type: "worse", status, reason, value });
  }

  #add(alert: MonitorAlert): void {
    this.#alerts.push(alert);
    if (this.#alerts.length > maxAlerts) this.#alerts.shift();
    const { id, status, reason } = alert;
    if (alert.type === "recovered") this.#logger.info({ alert: id }, `Health alert is over: ${reason}`);
    else this.#logger.warn({ alert: id, status }, `Health alert: ${status} - ${reason}`);
    this.#tell(alert);
  }
}

/** Callers without types may give anything. Throws TypeError for what is no finding, such as an asynchronous rule's promise. */
function checkedFinding(given: unknown): Finding | undefined {
  if (given === undefined || given === null || given === false) return undefined;
  const { status, reason, value } = given as Partial<Record<keyof Finding, unknown>>;
  const isLevel = status === "degraded" || status === "unhealthy";
  if (isLevel && typeof reason === "string" && (value === undefined || typeof value === "number")) {
    return given as Finding;
  }
  const rule =
    'a rule returns undefined, or { status: "degraded" or "unhealthy", reason: string, value?: number } at once';
  throw new TypeError(`What a rule has returned is no finding: ${rule}`);
}

function isWorse({ toldStatus, toldValue }: Told, { status, value }: Finding): boolean {
  if (rank(status) > rank(toldStatus)) return true;
  return value !== undefined && toldValue !== undefined && toldValue > 0 && value >= toldValue * worseFactor;
}

function rank(status: AlertLevel): number {
  return status === "unhealthy" ? 1 : 0;
}
