/** The plots: one time axis for all of them. uPlot draws; the values beside it are what a screen reader reads. */
import { make, setText } from "./dom.js";
import { axisTime, byteRate, bytes, exactly, milliseconds, rate, time } from "./format.js";

const definitions = [
  { title: "Open", format: exactly, series: { Sessions: "sessions", Connections: "connections" } },
  {
    title: "New per second",
    format: rate,
    series: { Sessions: "sessionRate", Connections: "connectionRate", Streams: "streamRate" },
  },
  { title: "Round trip", format: milliseconds, series: { p50: "rttP50", p90: "rttP90", p99: "rttP99" } },
  {
    title: "Data of streams",
    format: byteRate,
    isBytes: true,
    series: { Received: "bytesReceived", Sent: "bytesSent" },
  },
  { title: "Datagrams", format: rate, series: { Received: "datagramsReceived", Sent: "datagramsSent" } },
  { title: "Event-loop delay", format: milliseconds, series: { p50: "delayP50", p99: "delayP99" } },
  {
    title: "Memory",
    format: bytes,
    isBytes: true,
    series: { Resident: "resident", "JavaScript heap": "heap", Buffers: "external", Native: "native" },
  },
];

/** Two hours of a point each second. */
const KEPT_POINTS = 7200;
const HEIGHT = 150;
/** A pause that is longer, in seconds, and longer than three of the usual distances is a gap in the lines. */
const LONGEST_STEP = 10;

export class Plots {
  #names = [];
  /** A list for each field. */
  #columns = [];
  #now = 0;
  #range = 0;
  #plots = [];

  constructor(container, range) {
    this.#plots = definitions.map((definition) => new Plot(definition, container));
    range.addEventListener("change", () => this.#setRange(range));
    this.#setRange(range);
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      for (const plot of this.#plots) plot.rebuild();
      this.#draw();
    });
  }

  /** The newest value of each field, by name. */
  get latest() {
    return Object.fromEntries(this.#names.map((name, index) => [name, this.#columns[index].at(-1)]));
  }

  setFields(names) {
    if (names.join() === this.#names.join()) return;
    this.#names = names;
    this.#clear();
  }

  add(now, points) {
    // The server's clock was set back.
    if (now < this.#now - 1000) this.#clear();
    this.#now = now;
    for (const point of points) {
      if (point[0] <= (this.#columns[0].at(-1) ?? 0)) continue;
      for (const [index, value] of point.entries()) this.#columns[index].push(value);
    }
    const surplus = this.#columns[0].length - KEPT_POINTS;
    if (surplus > 0) for (const column of this.#columns) column.splice(0, surplus);
    this.#draw();
  }

  #clear() {
    this.#columns = this.#names.map(() => []);
  }

  #setRange(range) {
    this.#range = Number(range.querySelector(":checked").value);
    this.#draw();
  }

  #draw() {
    if (this.#columns.length === 0) return;
    const to = this.#now / 1000;
    const from = to - this.#range;
    const first = this.#columns[0].findIndex((at) => at / 1000 >= from);
    // One more, so that the line comes from the left edge.
    const begin = first < 0 ? this.#columns[0].length : Math.max(0, first - 1);
    const shown = this.#columns.map((column) => column.slice(begin));
    const gaps = gapsOf(shown[0]);
    const times = withGaps(shown[0], gaps, (index) => shown[0][index] - 1).map((at) => at / 1000);
    const byName = Object.fromEntries(
      this.#names.map((name, index) => [name, withGaps(shown[index], gaps, () => null)]),
    );
    for (const plot of this.#plots) plot.draw(times, byName, from, to);
  }
}

class Plot {
  #definition;
  #holder = make("div", { class: "canvas", "aria-hidden": "true" });
  #legend = make("ul", { class: "legend" });
  #at = make("span", { class: "at" });
  #uplot;
  #range = [0, 1];

  constructor(definition, container) {
    this.#definition = definition;
    const { title, series } = definition;
    const id = `plot-${title.toLowerCase().replaceAll(" ", "-")}`;
    for (const [index, name] of Object.keys(series).entries()) {
      const swatch = make("i", { class: `swatch series-${index + 1}`, "aria-hidden": "true" });
      this.#legend.append(make("li", {}, swatch, make("span", {}, name), make("b", {}, "–")));
    }
    const head = make("div", { class: "plot-head" }, make("h3", { id }, title), this.#at);
    container.append(make("section", { class: "plot", "aria-labelledby": id }, head, this.#legend, this.#holder));
    this.rebuild();
    new ResizeObserver(() => this.#fit()).observe(this.#holder);
  }

  /** With the colours of now. */
  rebuild() {
    const data = this.#uplot?.data ?? [[], ...this.#keys.map(() => [])];
    this.#uplot?.destroy();
    this.#uplot = new window.uPlot(this.#options(), data, this.#holder);
  }

  draw(times, byName, from, to) {
    this.#range = [from, to];
    this.#uplot.setData([times, ...this.#keys.map((key) => byName[key])]);
    this.#showValues();
  }

  get #keys() {
    return Object.values(this.#definition.series);
  }

  #fit() {
    const width = this.#holder.clientWidth;
    if (width > 0 && width !== this.#uplot.width) this.#uplot.setSize({ width, height: HEIGHT });
  }

  /** Where the pointer is, or else the newest ones. */
  #showValues() {
    const { data, cursor } = this.#uplot;
    const index = cursor.idx ?? data[0].length - 1;
    const isPast = cursor.idx !== null && cursor.idx !== undefined;
    setText(this.#at, isPast && data[0][index] !== undefined ? time(data[0][index] * 1000) : "");
    for (const [number, item] of [...this.#legend.children].entries()) {
      setText(item.lastElementChild, this.#definition.format(data[number + 1][index]));
    }
  }

  #options() {
    const style = window.getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: colour("--faint"),
      font: "11px system-ui, sans-serif",
      grid: { stroke: colour("--grid"), width: 1 },
      ticks: { show: false },
    };
    const { format, isBytes } = this.#definition;
    return {
      width: Math.max(120, this.#holder.clientWidth),
      height: HEIGHT,
      padding: [8, 20, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: "monitor" }, drag: { x: false, y: false }, points: { size: 7 }, y: false },
      scales: { x: { range: () => this.#range }, y: { range: (_, _least, most) => [0, most > 0 ? most * 1.1 : 1] } },
      axes: [
        {
          ...axis,
          space: 64,
          size: 24,
          values: (_, splits, _axis, _space, step) => splits.map((at) => axisTime(at * 1000, step < 60)),
        },
        {
          ...axis,
          space: 32,
          size: 64,
          gap: 4,
          values: (_, splits) => splits.map((value) => format(value)),
          // Even steps of what the unit is counted in.
          ...(isBytes === true && { incrs: Array.from({ length: 40 }, (_, power) => 2 ** power) }),
        },
      ],
      series: [
        {},
        ...this.#keys.map((_, index) => ({
          stroke: colour(`--series-${index + 1}`),
          width: 1.75,
          // Two lines that are the same are both seen, and not by their colours alone.
          ...(index === 1 && { dash: [7, 4] }),
          points: { show: false },
        })),
      ],
      hooks: { setCursor: [() => this.#uplot && this.#showValues()] },
    };
  }
}

/** Indexes of the times before which nothing was measured. */
function gapsOf(times) {
  const gaps = new Set();
  for (let index = 2; index < times.length; index += 1) {
    const step = times[index] - times[index - 1];
    const before = times[index - 1] - times[index - 2];
    if (step > 1000 * LONGEST_STEP && step > 3 * before) gaps.add(index);
  }
  return gaps;
}

function withGaps(values, gaps, filler) {
  if (gaps.size === 0) return values;
  return values.flatMap((value, index) => (gaps.has(index) ? [filler(index), value] : [value]));
}
