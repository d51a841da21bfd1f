import { describe, expect, it } from "vitest";

import { expose, formatFor } from "../../../src/monitor/prometheus/exposition.ts";
import type { Family } from "../../../src/monitor/prometheus/family.ts";

const none = { suffix: "", labels: {} };
const families: readonly Family[] = [
  {
    name: "x_seconds",
    type: "histogram",
    unit: "seconds",
    help: 'A "quoted" \\ text.',
    samples: [
      { suffix: "_bucket", labels: { le: "0.5" }, value: 1 },
      { suffix: "_bucket", labels: { le: "+Inf" }, value: 2 },
      { suffix: "_sum", labels: {}, value: 1.25 },
      { suffix: "_count", labels: {}, value: 2 },
    ],
  },
  {
    name: "y",
    type: "counter",
    unit: undefined,
    help: "Y.",
    samples: [{ suffix: "_total", labels: { a: 'b"c\\d\ne' }, value: 1e21 }],
  },
  {
    name: "z",
    type: "gauge",
    unit: undefined,
    help: "Z.",
    samples: [NaN, Infinity, -Infinity].map((value) => ({ ...none, value })),
  },
];

describe("expose()", () => {
  it("writes OpenMetrics 1.0", () => {
    expect(expose(families, "openmetrics")).toBe(
      [
        '# HELP x_seconds A \\"quoted\\" \\\\ text.',
        "# TYPE x_seconds histogram",
        "# UNIT x_seconds seconds",
        'x_seconds_bucket{le="0.5"} 1',
        'x_seconds_bucket{le="+Inf"} 2',
        "x_seconds_sum 1.25",
        "x_seconds_count 2",
        "# HELP y Y.",
        "# TYPE y counter",
        'y_total{a="b\\"c\\\\d\\ne"} 1e+21',
        "# HELP z Z.",
        "# TYPE z gauge",
        "z NaN",
        "z +Inf",
        "z -Inf",
        "# EOF",
        "",
      ].join("\n"),
    );
  });

  it("writes the older text format, which names counters whole and has no units and no end", () => {
    const text = expose(families, "prometheus");
    expect(text).toContain('# HELP x_seconds A "quoted" \\\\ text.\n# TYPE x_seconds histogram\nx_seconds_bucket');
    expect(text).toContain("# HELP y_total Y.\n# TYPE y_total counter\ny_total{");
    expect(text).not.toMatch(/# UNIT|# EOF/);
    expect(text.endsWith("z -Inf\n")).toBe(true);
  });
});

describe("formatFor()", () => {
  const ofPrometheus =
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.75," +
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
  it.each<[accept: string | undefined, format: string]>([
    [ofPrometheus, "openmetrics"],
    ["application/openmetrics-text", "openmetrics"],
    ["Application/OpenMetrics-Text; Version=1.0.0; Q=0.9, text/plain;q=0.9", "openmetrics"],
    ["application/openmetrics-text;q=0.2, text/plain;q=0.3", "prometheus"],
    ["application/openmetrics-text;q=0", "prometheus"],
    ["application/openmetrics-text;q=nonsense", "prometheus"],
    ["text/plain", "prometheus"],
    ["text/html,application/xhtml+xml,*/*;q=0.8", "prometheus"],
    ["", "prometheus"],
    [undefined, "prometheus"],
  ])("gives those who send %j what they understand", (accept, format) => {
    expect(formatFor(accept)).toBe(format);
  });
});
