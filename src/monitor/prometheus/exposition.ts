/** The two text formats that Prometheus reads: OpenMetrics 1.0 and the older one. */
import type { Family, Labels } from "./family.ts";

export type ExpositionFormat = "openmetrics" | "prometheus";

export const contentTypes: Readonly<Record<ExpositionFormat, string>> = Object.freeze({
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
});

export function expose(families: readonly Family[], format: ExpositionFormat): string {
  const lines: string[] = [];
  for (const family of families) {
    // OpenMetrics names a counter without the suffix of its samples, the older format with it.
    const isCounter = family.type === "counter";
    const name = isCounter && format === "prometheus" ? `${family.name}_total` : family.name;
    lines.push(`# HELP ${name} ${helpText(family.help, format)}`, `# TYPE ${name} ${family.type}`);
    if (family.unit !== undefined && format === "openmetrics") lines.push(`# UNIT ${name} ${family.unit}`);
    for (const { suffix, labels, value } of family.samples) {
      lines.push(`${family.name}${suffix}${labelText(labels)} ${valueText(value)}`);
    }
  }
  if (format === "openmetrics") lines.push("# EOF");
  return `${lines.join("\n")}\n`;
}

/** By an Accept header: OpenMetrics for those who ask for it by its name and prefer it. */
export function formatFor(accept: string | undefined): ExpositionFormat {
  const openMetrics = qualityOf("application/openmetrics-text", accept);
  const plain = Math.max(qualityOf("text/plain", accept), qualityOf("text/*", accept), qualityOf("*/*", accept));
  return openMetrics > 0 && openMetrics >= plain ? "openmetrics" : "prometheus";
}

/** RFC 9110 §12.5.1; 0 when the type is not named. Several entries of one type differ by its version: the best counts. */
function qualityOf(type: string, accept = ""): number {
  let best = 0;
  for (const entry of accept.split(",")) {
    const [name = "", ...parameters] = entry.split(";").map((part) => part.trim().toLowerCase());
    if (name !== type) continue;
    const given = parameters.find((parameter) => parameter.startsWith("q="));
    const quality = given === undefined ? 1 : Number(given.slice("q=".length));
    if (quality > best) best = Math.min(1, quality);
  }
  return best;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function helpText(help: string, format: ExpositionFormat): string {
  // Only OpenMetrics escapes double quotes here.
  return format === "openmetrics" ? escaped(help).replaceAll('"', '\\"') : escaped(help);
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function valueText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : String(value);
}
