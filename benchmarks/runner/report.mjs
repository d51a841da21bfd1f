// Medians, ratios and the table.
import { median, METRICS } from "./metrics.mjs";
import { referenceOf } from "./servers.mjs";

/** `samples[metric][server]` is a list of `{ figure, cpu? }` or `{ error }`, one a round. */
export function summarize(samples, serverNames) {
  const results = {};
  for (const metric of METRICS) {
    const ofMetric = samples[metric.name];
    if (ofMetric === undefined) continue;
    const servers = {};
    for (const server of serverNames) {
      const all = ofMetric[server];
      if (all === undefined) continue;
      const good = all.filter((sample) => sample.error === undefined);
      servers[server] = {
        ...(good.length > 0 && { median: median(good.map((sample) => sample.figure)) }),
        ...(good.some((sample) => sample.cpu !== undefined) && {
          serverCpuMicroseconds: median(good.flatMap((sample) => sample.cpu ?? [])),
        }),
        ...(good.some((sample) => sample.clientBusy !== undefined) && {
          clientBusy: median(good.flatMap((sample) => sample.clientBusy ?? [])),
        }),
        samples: all,
      };
    }
    const reference = servers[referenceOf(serverNames)];
    for (const summary of Object.values(servers)) {
      if (summary === reference) continue;
      if (reference?.median > 0 && summary.median !== undefined) summary.ratio = summary.median / reference.median;
      if (reference?.serverCpuMicroseconds > 0 && summary.serverCpuMicroseconds !== undefined) {
        summary.cpuRatio = summary.serverCpuMicroseconds / reference.serverCpuMicroseconds;
      }
    }
    const { title, unit, higherIsBetter, per } = metric;
    results[metric.name] = { title, unit, higherIsBetter, ...(per && { cpuPer: per }), servers };
  }
  return results;
}

export function toMarkdown(results, serverNames) {
  const lines = [
    `| | unit | ${serverNames.join(" | ")} |`,
    `| --- | --- | ${serverNames.map(() => "---:").join(" | ")} |`,
  ];
  for (const { title, unit, servers } of Object.values(results)) {
    lines.push(`| ${title} | ${unit} | ${serverNames.map((server) => cell(servers[server])).join(" | ")} |`);
  }
  lines.push("", "| server CPU | µs per | " + serverNames.join(" | ") + " |", lines[1]);
  for (const { title, cpuPer, servers } of Object.values(results)) {
    if (cpuPer === undefined) continue;
    const cells = serverNames.map((server) => {
      const summary = servers[server];
      if (summary?.serverCpuMicroseconds === undefined) return "–";
      const text = number(summary.serverCpuMicroseconds);
      return summary.cpuRatio === undefined ? text : `${text} (${summary.cpuRatio.toFixed(2)})`;
    });
    lines.push(`| ${title} | ${cpuPer} | ${cells.join(" | ")} |`);
  }
  lines.push("", "| load generator busy | | " + serverNames.join(" | ") + " |", lines[1]);
  for (const { title, cpuPer, servers } of Object.values(results)) {
    if (cpuPer === undefined) continue;
    const cells = serverNames.map((server) => percent(servers[server]?.clientBusy));
    lines.push(`| ${title} | % of its core | ${cells.join(" | ")} |`);
  }
  return lines.join("\n");
}

function percent(fraction) {
  return fraction === undefined ? "–" : String(Math.round(fraction * 100));
}

function cell(summary) {
  if (summary === undefined) return "–";
  if (summary.median === undefined) return "failed";
  const text = number(summary.median);
  return summary.ratio === undefined ? text : `${text} (${summary.ratio.toFixed(2)})`;
}

function number(value) {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString("en-US", { maximumFractionDigits: digits, minimumFractionDigits: digits });
}
