import { systemTimer } from "../async/deadlines.ts";
import { refused } from "../config/option-table.ts";
import { integer } from "../config/option-checks.ts";
import { ServerError } from "../errors/errors.ts";
import { TypedEmitter } from "../events/emitter.ts";

import { Accumulator } from "./accumulator.ts";
import { AlertBook } from "./alerts/alert-book.ts";
import type { ActiveAlert, MonitorAlert } from "./alerts/alert-book.ts";
import { healthOf } from "./health.ts";
import type { HealthStatus } from "./health.ts";
import { History } from "./history.ts";
import { serveOptions } from "./http/access.ts";
import type { CompleteServeOptions, MonitorServeOptions } from "./http/access.ts";
import type { MonitorEndpoint } from "./http/monitor-server.ts";
import { windowOf, workerMetrics } from "./metrics.ts";
import type { MonitorMetrics } from "./metrics.ts";
import { monitorOptions } from "./options.ts";
import type { CompleteMonitorOptions, ServerMonitorOptions } from "./options.ts";
import { collect, exposedFamilies } from "./prometheus/collect.ts";
import { contentTypes, expose } from "./prometheus/exposition.ts";
import type { ExpositionFormat } from "./prometheus/exposition.ts";
import type { Family } from "./prometheus/family.ts";
import { targetOf } from "./target-of.ts";
import type { Monitored } from "./target-of.ts";
import type { MonitorTarget, TargetSample } from "./target.ts";

export interface MonitorEventMap {
  /** A sample was taken. */
  sample: MonitorMetrics;
  /** An alert is raised, has become worse, or is over. */
  alert: MonitorAlert;
  /** A sample could not be taken; the next one is tried all the same. */
  sampling_failed: { readonly timestamp: number; readonly error: unknown };
}

/** From a start to its stop. */
interface Run {
  isOver: boolean;
  cancelTimer: () => void;
  readonly endMeasuring: () => void;
  /** Settled when the first sample was taken, or has failed. */
  first: Promise<void>;
  readonly servers: Set<MonitorEndpoint>;
}

/**
 * Watches a server, an app's server or a cluster: samples its figures, checks its health and tells of alerts. What costs
 * something is measured only between {@link start} and {@link stop}; it does not keep the process alive.
 *
 * ```ts
 * await using monitor = new ServerMonitor(app);
 * await monitor.start();
 * await monitor.serve({ port: 9464 });
 * ```
 */
export class ServerMonitor extends TypedEmitter<MonitorEventMap> {
  readonly #target: MonitorTarget;
  readonly #options: CompleteMonitorOptions;
  readonly #history: History;
  readonly #alerts: AlertBook;
  readonly #totals = new Accumulator();
  #lastSample: TargetSample | undefined;
  /** Ends the running loop; undefined when none runs. */
  #run: Run | undefined;
  #reading: Promise<TargetSample> | undefined;
  #collecting: Promise<readonly Family[]> | undefined;

  /** Throws ConfigurationError. */
  constructor(monitored: Monitored, options: ServerMonitorOptions = {}) {
    const target = targetOf(monitored);
    super({
      report: (error, event) => {
        target.logger.error({ error, event }, "a listener of the monitor threw");
      },
    });
    this.#target = target;
    this.#options = monitorOptions(options);
    this.#history = new History(this.#options.historySize);
    this.#alerts = new AlertBook(this.#options.rules, this.#target.logger, (alert) => {
      this.publish("alert", alert);
    });
  }

  static create(monitored: Monitored, options: ServerMonitorOptions = {}): ServerMonitor {
    return new ServerMonitor(monitored, options);
  }

  /** What is watched. For pages and exporters that read more of it. */
  get target(): MonitorTarget {
    return this.#target;
  }

  get isMonitoring(): boolean {
    return this.#run !== undefined;
  }

  /**
   * Takes the first sample at once, then one each interval. Resolves when the first was taken or has failed; never rejects.
   * Does nothing while it runs already.
   */
  start(): Promise<void> {
    if (this.#run === undefined) {
      const run: Run = {
        isOver: false,
        cancelTimer: () => {},
        endMeasuring: this.#target.measure(),
        first: Promise.resolve(),
        servers: new Set(),
      };
      this.#run = run;
      const next = async (): Promise<void> => {
        const began = performance.now();
        await this.#sample();
        if (run.isOver) return;
        const { monitoringInterval } = this.#options;
        const passed = performance.now() - began;
        run.cancelTimer = systemTimer(Math.max(1, monitoringInterval - passed), () => void next());
      };
      run.first = next();
    }
    return this.#run.first;
  }

  /** Ends the sampling, and what {@link serve} has begun. History and alerts stay readable; it can be started again. */
  async stop(): Promise<void> {
    const run = this.#run;
    this.#run = undefined;
    if (run === undefined) return;
    run.isOver = true;
    run.cancelTimer();
    run.endMeasuring();
    await Promise.all([...run.servers].map((server) => server.close()));
    await this.#reading?.catch(() => {});
  }

  /** By the newest sample; whether the server serves, as of now. */
  getHealthStatus(): HealthStatus {
    return healthOf(this.#history.latest, this.#target, this.#alerts.active);
  }

  /** The newest `limit` alerts (0: all), oldest first, of at most 100. */
  getAlerts(limit = 25): readonly MonitorAlert[] {
    checkLimit(limit);
    return limit === 0 ? [...this.#alerts.alerts] : this.#alerts.alerts.slice(-limit);
  }

  /** Those that are not over, the worst first. */
  getActiveAlerts(): readonly ActiveAlert[] {
    return this.#alerts.active;
  }

  /** The newest `limit` metrics (0: all), oldest first. */
  getMetricsHistory(limit = 100): readonly MonitorMetrics[] {
    checkLimit(limit);
    return this.#history.newest(limit);
  }

  /** Those of the newest sample; undefined before the first. */
  getCurrentMetrics(): MonitorMetrics | undefined {
    return this.#history.latest;
  }

  /** Forgets metrics and told alerts. An alert that is raised is not told again. */
  clearHistory(): void {
    this.#history.clear();
    this.#alerts.clear();
  }

  /** The figures of now; several calls at a time share one reading. Rejects when they cannot be read. */
  read(): Promise<TargetSample> {
    this.#reading ??= this.#target.sample().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** The newest figures in a format of Prometheus: the older text format, or OpenMetrics 1.0. Default "prometheus". */
  async toPrometheus({ format = "prometheus" }: { readonly format?: ExpositionFormat } = {}): Promise<string> {
    if (!Object.hasOwn(contentTypes, format)) throw refused("format", format, 'must be "prometheus" or "openmetrics"');
    return expose(await this.collectFamilies(), format);
  }

  /**
   * Reads the figures of now, as metrics of Prometheus; several calls at a time share one result. For exporters of other
   * formats.
   */
  collectFamilies(): Promise<readonly Family[]> {
    this.#collecting ??= this.read()
      .then((sample) => collect(sample, this.#alerts.active))
      .finally(() => {
        this.#collecting = undefined;
      });
    return this.#collecting;
  }

  /** Every metric that {@link collectFamilies} gives, without its samples. */
  get families(): readonly Omit<Family, "samples">[] {
    return exposedFamilies;
  }

  /**
   * Serves a live dashboard at `/`, `/metrics` for Prometheus, and `/healthz` and `/readyz` for orchestrators, over HTTP
   * until {@link stop}; starts the monitor where it does not run. Throws ConfigurationError, at once: another host than this machine's own needs
   * `authorize` or `token`. Rejects with ServerError when it cannot be bound.
   */
  serve(options: MonitorServeOptions = {}): Promise<MonitorEndpoint> {
    const complete = serveOptions(options, this.#target.logger);
    return this.#serve(complete);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #serve(options: CompleteServeOptions): Promise<MonitorEndpoint> {
    void this.start();
    const run = this.#run;
    const [{ MonitorServer }, { monitorRoutes }] = await Promise.all([
      import("./http/monitor-server.ts"),
      import("./http/routes.ts"),
    ]);
    const { logger } = this.#target;
    const server = await MonitorServer.listen({ ...options, monitor: this, routes: monitorRoutes, logger });
    // It was stopped meanwhile.
    if (run === undefined || run.isOver) {
      await server.close();
      throw new ServerError("Cannot serve the monitor: it was stopped before it was listening");
    }
    run.servers.add(server);
    return server;
  }

  /** Never rejects. */
  async #sample(): Promise<void> {
    try {
      this.#take(await this.read());
    } catch (error) {
      this.#target.logger.error({ error }, "the monitor could not take a sample");
      this.publish("sampling_failed", { timestamp: Date.now(), error });
    }
  }

  #take(sample: TargetSample): void {
    const figures = this.#totals.add(sample);
    if (figures === undefined) throw new Error("no worker has answered");
    const { monitoringInterval, window } = this.#options;
    const now = performance.now();
    const start = this.#history.windowStart(now, window, 2 * Math.max(monitoringInterval, window));
    const metrics: MonitorMetrics = {
      timestamp: sample.timestamp,
      isServing: sample.isServing,
      isDraining: sample.isDraining,
      hasServed: sample.hasServed,
      figures,
      window: windowOf(figures, start?.metrics.figures, start === undefined ? 0 : now - start.at),
      workers: workerMetrics(sample, this.#lastSample),
    };
    this.#lastSample = sample;
    this.#history.add(now, metrics);
    this.#alerts.check(metrics);
    this.publish("sample", metrics);
  }
}

function checkLimit(limit: number): void {
  const reason = integer(0, Number.MAX_SAFE_INTEGER)(limit);
  if (reason !== undefined) throw refused("limit", limit, reason);
}
