import type { ServerResponse } from "node:http";

import { systemTimer } from "../../async/deadlines.ts";
import { Accumulator } from "../accumulator.ts";
import { windowOf, workerMetrics } from "../metrics.ts";
import type { MonitorMetrics } from "../metrics.ts";
import type { Figures, TargetSample } from "../target.ts";
import type { MonitorView } from "../http/exchange.ts";

import { eventText } from "./event-text.ts";
import { pointFields, pointOf, timeOf } from "./point.ts";
import type { Point } from "./point.ts";
import { stateOf } from "./state.ts";

/** Milliseconds between two readings while somebody looks. */
const readingInterval = 1000;
/** Readings that a rate is taken over, so that it does not flicker. */
const rateReadings = 3;
/** Points of now that are kept for pages that connect later or again. */
const keptPoints = 300;
const maxViewers = 16;
/** Bytes that wait for one viewer until it counts as too slow. */
const maxWaiting = 262_144;
/** Milliseconds until a page that has lost its connection tries again. */
const retryTime = 1000;

interface Reading {
  readonly at: number;
  readonly figures: Figures;
}

/** Sends what is new to every page that looks. Nothing is read while none does. */
export class Feed {
  readonly #monitor: MonitorView;
  readonly #viewers = new Set<ServerResponse>();
  /** Of the time since the first of the present viewers came. */
  #points: Point[] = [];
  /** The latest time that any point has had: what comes later than it is new to every page. */
  #newest = 0;
  #readings: Reading[] = [];
  #totals = new Accumulator();
  #lastSample: TargetSample | undefined;
  #metrics: MonitorMetrics | undefined;
  #cancelTimer: (() => void) | undefined;
  #isReading = false;

  constructor(monitor: MonitorView) {
    this.#monitor = monitor;
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  /**
   * Sends events until `signal` aborts. `after`: the time of the last point that the page has; 0 for none. False when there
   * are too many viewers already.
   */
  add(response: ServerResponse, after: number, signal: AbortSignal): boolean {
    if (this.#viewers.size >= maxViewers) return false;
    if (signal.aborted) return true;
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no" });
    response.write(`retry: ${retryTime}\n\n${eventText({ event: "fields", id: undefined, data: pointFields })}`);
    signal.addEventListener("abort", () => {
      this.#remove(response);
      response.end();
    });
    this.#viewers.add(response);
    if (this.#metrics !== undefined || this.#monitor.getMetricsHistory(1).length > 0) {
      this.#send([response], this.#pointsAfter(after));
    }
    if (this.#viewers.size === 1) void this.#read();
    return true;
  }

  #remove(response: ServerResponse): void {
    if (!this.#viewers.delete(response) || this.#viewers.size > 0) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#points = [];
    this.#newest = 0;
    this.#readings = [];
    this.#totals = new Accumulator();
    this.#lastSample = undefined;
    this.#metrics = undefined;
  }

  /** Never rejects. */
  async #read(): Promise<void> {
    // One whose viewers have gone, and come again, meanwhile is under way still.
    if (this.#isReading) return;
    this.#isReading = true;
    const began = performance.now();
    let point: Point | undefined;
    try {
      point = this.#take(await this.#monitor.read());
    } catch {
      // The monitor's own samples log it; the page says that there are no figures.
      this.#metrics = undefined;
    }
    this.#isReading = false;
    if (this.#viewers.size === 0) {
      this.#metrics = undefined;
      return;
    }
    this.#send([...this.#viewers], point === undefined ? [] : [point]);
    if (this.#viewers.size === 0) return;
    const passed = performance.now() - began;
    this.#cancelTimer = systemTimer(Math.max(100, readingInterval - passed), () => void this.#read());
  }

  /** Undefined when there are no figures, and when the clock was set back: then points wait until it is later again. */
  #take(sample: TargetSample): Point | undefined {
    if (this.#viewers.size === 0) return undefined;
    const figures = this.#totals.add(sample);
    if (figures === undefined) {
      this.#metrics = undefined;
      return undefined;
    }
    const at = performance.now();
    const [first] = this.#readings;
    const { timestamp, isServing, isDraining, hasServed } = sample;
    this.#metrics = {
      timestamp,
      isServing,
      isDraining,
      hasServed,
      figures,
      window: windowOf(figures, first?.figures, first === undefined ? 0 : at - first.at),
      workers: workerMetrics(sample, this.#lastSample),
    };
    this.#lastSample = sample;
    this.#readings.push({ at, figures });
    if (this.#readings.length > rateReadings) this.#readings.shift();
    const point = pointOf(this.#metrics);
    if (timestamp <= this.#newest) return undefined;
    this.#newest = timestamp;
    this.#points.push(point);
    if (this.#points.length > keptPoints) this.#points.shift();
    return point;
  }

  /** The monitor's own samples first, up to where the points of the present viewers begin. */
  #pointsAfter(after: number): readonly Point[] {
    const [first] = this.#points;
    const begin = first === undefined ? Infinity : timeOf(first);
    const history = this.#monitor
      .getMetricsHistory(keptPoints)
      .filter(({ timestamp }) => timestamp > after && timestamp < begin)
      .map(pointOf);
    const newest = history.at(-1);
    if (newest !== undefined) this.#newest = Math.max(this.#newest, timeOf(newest));
    return history.concat(this.#points.filter((point) => timeOf(point) > after));
  }

  #send(viewers: readonly ServerResponse[], points: readonly Point[]): void {
    const last = points.at(-1);
    const state = stateOf(this.#monitor, this.#metrics ?? this.#monitor.getCurrentMetrics());
    const text = eventText({
      event: "update",
      id: last === undefined ? undefined : String(timeOf(last)),
      data: { now: Date.now(), points, state },
    });
    for (const viewer of viewers) {
      if (viewer.writableLength > maxWaiting) {
        this.#remove(viewer);
        viewer.destroy();
        continue;
      }
      viewer.write(text);
    }
  }
}
