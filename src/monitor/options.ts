import { aFunction, functionOrObject, integer } from "../config/option-checks.ts";
import { refused } from "../config/option-table.ts";

import { builtInRules, notServing } from "./alerts/built-in.ts";
import type { MonitorRule } from "./alerts/rule.ts";
import { checkNames } from "./option-names.ts";
import { completeThresholds } from "./alerts/thresholds.ts";
import type { ThresholdOptions } from "./alerts/thresholds.ts";

export interface ServerMonitorOptions {
  /** Milliseconds between two samples, 10 to 86,400,000 (a day). Default 30000. */
  readonly monitoringInterval?: number;
  /**
   * Milliseconds that rates, shares and percentiles are taken over, 10 to 86,400,000; at least one interval. Default 60000.
   * No longer than the history reaches: `historySize` times `monitoringInterval`.
   */
  readonly window?: number;
  /** Samples that are kept, 2 to 10000; one takes about 5 KB. Default 120: an hour by the default interval. */
  readonly historySize?: number;
  /** From which values on the built-in alerts are told. */
  readonly thresholds?: ThresholdOptions;
  /** Rules of your own, beside the built-in ones. */
  readonly rules?: readonly MonitorRule[];
}

export interface CompleteMonitorOptions {
  readonly monitoringInterval: number;
  readonly window: number;
  readonly historySize: number;
  readonly rules: readonly MonitorRule[];
}

const aDay = 86_400_000;
const names = ["monitoringInterval", "window", "historySize", "thresholds", "rules"] as const;

/** Throws ConfigurationError. */
export function monitorOptions(given: ServerMonitorOptions = {}): CompleteMonitorOptions {
  checkNames(given, names, "options", "ServerMonitor");
  const { monitoringInterval = 30_000, window = 60_000, historySize = 120, rules = [] } = given;
  const numbers = { monitoringInterval, window, historySize };
  for (const [name, value] of Object.entries(numbers)) {
    const reason = (name === "historySize" ? integer(2, 10_000) : integer(10, aDay))(value);
    if (reason !== undefined) throw refused(name, value, reason);
  }
  return { ...numbers, rules: allRules(rules, given.thresholds) };
}

function allRules(given: unknown, thresholds: ThresholdOptions | undefined): readonly MonitorRule[] {
  if (!Array.isArray(given)) throw refused("rules", given, "must be an array");
  const all = [notServing, ...builtInRules(completeThresholds(thresholds))];
  for (const [index, rule] of (given as readonly MonitorRule[]).entries()) {
    const reason = functionOrObject(rule) ?? ruleFault(rule, all);
    if (reason !== undefined) throw refused(`rules[${index}]`, rule, reason);
    all.push(rule);
  }
  return all;
}

function ruleFault({ id, check }: MonitorRule, before: readonly MonitorRule[]): string | undefined {
  if (typeof id !== "string" || id === "") return "must have an id that is a string";
  if (before.some((other) => other.id === id)) return `has the id "${id}", which another rule has`;
  const fault = aFunction(check);
  return fault === undefined ? undefined : `has a check that ${fault}`;
}
