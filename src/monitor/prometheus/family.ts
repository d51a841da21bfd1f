import { quantile } from "../../base/histogram.ts";
import type { HistogramData } from "../../base/histogram.ts";

export type Labels = Readonly<Record<string, string>>;

/** One line of the exposition. */
export interface SeriesSample {
  /** What stands behind the family's name: "" or "_bucket", "_sum", "_count", "_total". */
  readonly suffix: string;
  readonly labels: Labels;
  readonly value: number;
}

/** A metric with its samples, as the exposition formats have it. */
export interface Family {
  /** Without the suffix of counters ("_total"). Ends with the unit where there is one. */
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram" | "summary";
  /** A base unit of Prometheus: "seconds", "bytes"; undefined for counts and shares. */
  readonly unit: "seconds" | "bytes" | undefined;
  readonly help: string;
  readonly samples: readonly SeriesSample[];
}

/** What a metric is, and how its samples are read from `Source`. */
export interface FamilyDefinition<Source> extends Omit<Family, "samples"> {
  read(source: Source): readonly SeriesSample[];
}

type Reader<Source> = (source: Source) => number;

export function counter<Source>(name: string, help: string, read: Reader<Source>): FamilyDefinition<Source> {
  return { ...described(name, "counter", help), read: (source) => [sample(read(source), {}, "_total")] };
}

/** One series for each cause, those that have never come about included: a rate needs a 0 to begin with. */
export function counterBy<Source>(
  name: string,
  label: string,
  help: string,
  read: (source: Source) => Readonly<Record<string, number>>,
): FamilyDefinition<Source> {
  return {
    ...described(name, "counter", help),
    read: (source) => Object.entries(read(source)).map(([cause, count]) => sample(count, { [label]: cause }, "_total")),
  };
}

export function gauge<Source>(name: string, help: string, read: Reader<Source>): FamilyDefinition<Source> {
  return { ...described(name, "gauge", help), read: (source) => [sample(read(source))] };
}

export function gaugeBy<Source>(
  name: string,
  help: string,
  read: (source: Source) => readonly (readonly [labels: Labels, value: number])[],
): FamilyDefinition<Source> {
  return {
    ...described(name, "gauge", help),
    read: (source) => read(source).map(([labels, value]) => sample(value, labels)),
  };
}

/** Of milliseconds, in seconds. */
export function histogram<Source>(
  name: string,
  help: string,
  read: (source: Source) => HistogramData,
): FamilyDefinition<Source> {
  return { ...described(name, "histogram", help), read: (source) => buckets(read(source)) };
}

/** Quantiles of what there is now, in seconds: it has no sum and count, which would have to grow. */
export function quantiles<Source>(
  name: string,
  help: string,
  read: (source: Source) => HistogramData,
): FamilyDefinition<Source> {
  return {
    ...described(name, "summary", help),
    read: (source) => {
      const data = read(source);
      return [0.5, 0.9, 0.99].map((share) => {
        const value = quantile(data, share);
        return sample(value === undefined ? NaN : value / 1000, { quantile: String(share) });
      });
    },
  };
}

function described(name: string, type: Family["type"], help: string): Pick<Family, "name" | "type" | "unit" | "help"> {
  const unit = name.endsWith("_seconds") ? "seconds" : name.endsWith("_bytes") ? "bytes" : undefined;
  return { name: `tswebtransport_${name}`, type, unit, help };
}

function sample(value: number, labels: Labels = {}, suffix = ""): SeriesSample {
  return { suffix, labels, value };
}

function buckets({ bounds, counts, count, sum }: HistogramData): readonly SeriesSample[] {
  let below = 0;
  const ofBounds = bounds.map((bound, index) => {
    below += counts[index] ?? 0;
    return sample(below, { le: floatText(bound / 1000) }, "_bucket");
  });
  return [
    ...ofBounds,
    sample(count, { le: "+Inf" }, "_bucket"),
    sample(sum / 1000, {}, "_sum"),
    sample(count, {}, "_count"),
  ];
}

/** OpenMetrics' canonical form, in both formats, so that a series keeps its name whatever format is asked for. */
function floatText(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}
