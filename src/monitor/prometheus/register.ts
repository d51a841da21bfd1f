import type { Family } from "./family.ts";

/** What exposes metrics: a ServerMonitor. */
export interface FamilySource {
  /** Calls at one time share one reading. */
  collectFamilies(): Promise<readonly Family[]>;
  /** What is exposed, without samples. */
  readonly families: readonly Omit<Family, "samples">[];
}

/** A `Registry` of prom-client. */
export interface PrometheusRegistry {
  registerMetric(metric: never): void;
}

/** As prom-client reads a metric. */
interface RegisteredMetric {
  /** The registry changes it where it speaks OpenMetrics. */
  name: string;
  readonly help: string;
  readonly type: Family["type"];
  readonly aggregator: "sum" | "max";
  get(): Promise<{
    readonly name: string;
    readonly help: string;
    readonly type: Family["type"];
    readonly aggregator: "sum" | "max";
    readonly values: readonly {
      readonly value: number;
      readonly labels: Readonly<Record<string, string>>;
      readonly metricName: string;
    }[];
  }>;
  reset(): void;
}

/**
 * Puts the monitor's metrics into a registry of prom-client, which then exposes them with its own: each time it is asked,
 * they are read anew. Throws what the registry throws when it has one of their names already.
 */
export function registerPrometheus(registry: PrometheusRegistry, monitor: FamilySource): void {
  const register = registry.registerMetric.bind(registry) as (metric: RegisteredMetric) => void;
  for (const family of monitor.families) register(registered(family, monitor));
}

function registered({ name, help, type }: Omit<Family, "samples">, monitor: FamilySource): RegisteredMetric {
  const aggregator = type === "gauge" || type === "summary" ? "max" : "sum";
  const metric: RegisteredMetric = {
    name: type === "counter" ? `${name}_total` : name,
    help,
    type,
    aggregator,
    get: async () => {
      const families = await monitor.collectFamilies();
      const samples = families.find((family) => family.name === name)?.samples ?? [];
      const values = samples.map(({ suffix, labels, value }) => ({
        value,
        labels,
        // To a counter's name the registry adds what the format asks for.
        metricName: type === "counter" ? metric.name : `${name}${suffix}`,
      }));
      return { name: metric.name, help, type, aggregator, values };
    },
    // The counts are the server's: nobody else can begin them anew.
    reset: () => {},
  };
  return metric;
}
