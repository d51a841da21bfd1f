import { readFile } from "node:fs/promises";

import type { EndpointStats } from "../../engine/engine.ts";
import type { Address } from "../../transport/types.ts";

export interface DiagnosedEndpoint {
  readonly localAddress: Address;
  readonly stats: EndpointStats;
}

/** What the engine asks the kernel for. */
const wantedBuffer = 2 * 1024 * 1024;

/** What is wrong with the UDP sockets. */
export async function socketIssues(endpoints: readonly DiagnosedEndpoint[]): Promise<string[]> {
  const ports = new Set(endpoints.map(({ localAddress }) => localAddress.port));
  const dropped = process.platform === "linux" ? await droppedByKernel(ports) : 0;
  return [
    ...bufferIssues(endpoints.map(({ stats }) => stats)),
    ...(dropped === 0
      ? []
      : [
          `The kernel has dropped ${dropped} packets, because the UDP receive buffer was full: make it larger, or block ` +
            "the event loop for shorter times.",
        ]),
  ];
}

export function bufferIssues(endpoints: readonly EndpointStats[], platform: string = process.platform): string[] {
  const least = (size: (stats: EndpointStats) => number): number =>
    endpoints.reduce((smallest, stats) => Math.min(smallest, size(stats)), Infinity);
  return [
    ...bufferIssue(
      "receive",
      least((stats) => stats.receiveBufferSize),
      platform,
    ),
    ...bufferIssue(
      "send",
      least((stats) => stats.sendBufferSize),
      platform,
    ),
  ];
}

function bufferIssue(direction: "receive" | "send", size: number, platform: string): string[] {
  // 0: the engine could not tell.
  if (size === 0 || size >= wantedBuffer) return [];
  const what = `The UDP ${direction} buffer has ${size} bytes, ${wantedBuffer} were asked for`;
  return [`${what}: bursts lose packets. ${remedy(direction, platform)}`];
}

function remedy(direction: "receive" | "send", platform: string): string {
  if (platform === "linux") {
    return `Allow more with: sudo sysctl -w net.core.${direction === "receive" ? "rmem" : "wmem"}_max=${wantedBuffer}`;
  }
  if (platform === "darwin" || platform === "freebsd") {
    return `Allow more with: sudo sysctl -w kern.ipc.maxsockbuf=${4 * wantedBuffer}`;
  }
  return "Allow more in the system's settings.";
}

/** Packets that found the receive buffer full, of this machine's UDP sockets on the ports. */
async function droppedByKernel(ports: ReadonlySet<number>): Promise<number> {
  const tables = await Promise.all(
    ["/proc/net/udp", "/proc/net/udp6"].map((path) => readFile(path, "utf8").catch(() => "")),
  );
  return tables.reduce((sum, table) => sum + dropsOf(table, ports), 0);
}

/** From the text of /proc/net/udp: a header, then a line a socket with its address in hexadecimal and its drops at the end. */
export function dropsOf(table: string, ports: ReadonlySet<number>): number {
  let drops = 0;
  for (const line of table.split("\n").slice(1)) {
    const fields = line.trim().split(/\s+/);
    const port = Number.parseInt(fields[1]?.split(":")[1] ?? "", 16);
    if (ports.has(port)) drops += Number(fields[12] ?? 0);
  }
  return drops;
}
