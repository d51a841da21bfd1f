import type { Logger } from "../../config/logger.ts";

import type { MonitorMetrics } from "../metrics.ts";
import type { AlertLevel, Finding, MonitorRule } from "./rule.ts";

/** Alerts that are kept; the oldest go first. */
const maxAlerts = 100;

/** So much worse, and it is told again. */
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
  /** Rules whose failure has been logged. */
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
    for (const rule of this.#rules) this.#take(rule.id, this.#run(rule, metrics), metrics.timestamp);
  }

  /** Forgets the alerts that were told; what is raised stays raised. */
  clear(): void {
    this.#alerts = [];
  }

  #run(rule: MonitorRule, metrics: MonitorMetrics): Finding | undefined {
    try {
      return rule.check(metrics);
    } catch (error) {
      if (!this.#failed.has(rule.id)) this.#logger.error({ error, rule: rule.id }, "a rule of the monitor failed");
      this.#failed.add(rule.id);
      return undefined;
    }
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

function isWorse({ toldStatus, toldValue }: Told, { status, value }: Finding): boolean {
  if (rank(status) > rank(toldStatus)) return true;
  return value !== undefined && toldValue !== undefined && toldValue > 0 && value >= toldValue * worseFactor;
}

function rank(status: AlertLevel): number {
  return status === "unhealthy" ? 1 : 0;
}
