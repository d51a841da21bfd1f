// What is measured, in the order of the table, and how a measurement becomes the figure that is compared.

/** Figures where more is better are compared by rate, the others by what they cost. */
export const METRICS = [
  { name: "upload", title: "upload, one stream", unit: "MB/s", higherIsBetter: true, per: "MB" },
  { name: "download", title: "download, one stream", unit: "MB/s", higherIsBetter: true, per: "MB" },
  { name: "echo", title: "64 B echo, one stream", unit: "/s", higherIsBetter: true, per: "echo" },
  { name: "new-stream", title: "64 B echo, a new stream each", unit: "/s", higherIsBetter: true, per: "stream" },
  { name: "parallel32", title: "the same, 32 in parallel", unit: "/s", higherIsBetter: true, per: "stream" },
  { name: "sessions32", title: "64 B echo, 32 sessions at once", unit: "/s", higherIsBetter: true, per: "echo" },
  { name: "datagrams", title: "64 B datagram echo, 32 outstanding", unit: "/s", higherIsBetter: true, per: "datagram" },
  { name: "sessions-serial", title: "sessions, one after the other", unit: "/s", higherIsBetter: true, per: "session" },
  { name: "sessions-8", title: "sessions, 8 in parallel", unit: "/s", higherIsBetter: true, per: "session" },
  { name: "first-echo", title: "fresh session to first echo, warm", unit: "ms", higherIsBetter: false },
  { name: "cold-first-echo", title: "the same, first session of the process", unit: "ms", higherIsBetter: false },
  {
    name: "node-first-echo",
    title: "fresh session to first echo, from our Node client",
    unit: "ms",
    higherIsBetter: false,
  },
  { name: "start", title: "process start to listening", unit: "ms", higherIsBetter: false },
  { name: "idle-1000", title: "memory of an idle session (of 1,000)", unit: "KB", higherIsBetter: false },
];

/** The figure of one measurement of the load generator; the others are figures already. */
export function figureOf(metric, measurement) {
  switch (metric.unit) {
    case "MB/s":
      return measurement.bytes / 1e6 / measurement.seconds;
    case "/s":
      return measurement.operations / measurement.seconds;
    default:
      throw new Error(`${metric.name} has no rate`);
  }
}

/** Microseconds of the server's CPU for one operation, or one megabyte. */
export function cpuOf(metric, measurement) {
  if (measurement.serverCpuSeconds === undefined) return undefined;
  const units = metric.per === "MB" ? measurement.bytes / 1e6 : measurement.operations;
  return (measurement.serverCpuSeconds * 1e6) / units;
}

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
