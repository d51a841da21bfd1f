/** The SDK with its in-memory exporters, registered globally as an application does it. */
import { metrics, SpanKind } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import type { DataPoint, Histogram, MetricData } from "@opentelemetry/sdk-metrics";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-node";

export class Telemetry {
  readonly #spans = new InMemorySpanExporter();
  readonly tracerProvider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(this.#spans)] });
  readonly #exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  readonly meterProvider = new MeterProvider({
    // Nothing is exported unless a test asks for it.
    readers: [new PeriodicExportingMetricReader({ exporter: this.#exporter, exportIntervalMillis: 2 ** 31 - 1 })],
  });

  /** Once for a file of tests: OpenTelemetry takes one provider of a process. */
  register(): this {
    this.tracerProvider.register();
    metrics.setGlobalMeterProvider(this.meterProvider);
    return this;
  }

  /** Spans that have ended, in the order of their ends. */
  get spans(): readonly ReadableSpan[] {
    return this.#spans.getFinishedSpans();
  }

  /** Those of a session on the server, without the client's. */
  get serverSpans(): readonly ReadableSpan[] {
    return this.spans.filter(({ kind }) => kind === SpanKind.SERVER);
  }

  reset(): void {
    this.#spans.reset();
    this.#exporter.reset();
  }

  async collect(): Promise<Metrics> {
    this.#exporter.reset();
    await this.meterProvider.forceFlush();
    const all = this.#exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((each) => each.metrics));
    return new Metrics(all);
  }

  async shutdown(): Promise<void> {
    await this.tracerProvider.shutdown();
    await this.meterProvider.shutdown();
  }
}

/** What was collected at one time. */
export class Metrics {
  readonly #all: readonly MetricData[];

  constructor(all: readonly MetricData[]) {
    this.#all = all;
  }

  get names(): readonly string[] {
    return this.#all.map(({ descriptor }) => descriptor.name);
  }

  find(name: string): MetricData | undefined {
    return this.#all.find(({ descriptor }) => descriptor.name === `webtransport.server.${name}`);
  }

  points(name: string): readonly DataPoint<number | Histogram>[] {
    return (this.find(name)?.dataPoints ?? []) as DataPoint<number | Histogram>[];
  }

  /** The value of the only point that has these attributes. */
  value(name: string, attributes: Readonly<Record<string, unknown>> = {}): number | Histogram | undefined {
    const found = this.points(name).filter((point) =>
      Object.entries(attributes).every(([key, value]) => point.attributes[key] === value),
    );
    if (found.length > 1) throw new Error(`${found.length} points of ${name} have these attributes`);
    return found[0]?.value;
  }
}

export function eventNames(span: ReadableSpan | undefined): readonly string[] {
  return span?.events.map(({ name }) => name) ?? [];
}
