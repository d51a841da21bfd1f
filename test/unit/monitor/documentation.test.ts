import { readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { notServing } from "../../../src/monitor/alerts/built-in.ts";
import { builtInIds, defaultThresholds } from "../../../src/monitor/alerts/thresholds.ts";
import { exposedFamilies } from "../../../src/monitor/prometheus/collect.ts";

const guide = (name: string): string =>
  readFileSync(new URL(`../../../docs/guide/${name}.md`, import.meta.url), "utf8");

/** The cells of the table whose first heading is `heading`. */
function rows(text: string, heading: string): string[][] {
  const lines = text.split("\n");
  const first = lines.findIndex((line) => line.startsWith(`| ${heading} `));
  const end = lines.findIndex((line, index) => index > first && !line.startsWith("|"));
  return lines.slice(first + 2, end).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

describe("the guide of the monitor", () => {
  it("has every metric with its type and meaning", () => {
    expect(rows(guide("monitoring"), "metric").map(([name, type, , help]) => [name, type, help])).toEqual(
      exposedFamilies.map(({ name, type, help }) => [
        `\`${name.replace("tswebtransport_", "")}${type === "counter" ? "_total" : ""}\``,
        type,
        help.replace(/\.$/, ""),
      ]),
    );
  });

  it("has every alert with its thresholds, and says what to do about it", () => {
    const ids = [notServing.id, ...builtInIds].map((id) => `\`${id}\``);
    const alerts = rows(guide("monitoring"), "alert");
    expect(alerts.map(([id]) => id)).toEqual(ids);
    for (const [id = "", , degraded, unhealthy] of alerts.slice(1)) {
      const threshold = defaultThresholds[id.replaceAll("`", "") as keyof typeof defaultThresholds];
      const text = (value: number | false): string => (value === false ? "" : value === 0.001 ? "any" : String(value));
      expect(degraded?.replace(" or less", "")).toBe(text(threshold.degraded));
      expect(unhealthy?.replace(" or less", "")).toBe(text(threshold.unhealthy));
    }
    expect(rows(guide("debugging"), "alert").map(([id]) => id)).toEqual(ids);
  });
});
