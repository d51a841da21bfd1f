import { refused } from "../../config/option-table.ts";
import type { ServerConfig } from "../../config/server-config.ts";
import { crossingConfig } from "./config-crossing.ts";

/** Slots for so many workers of a UDP port: each may be replaced while all of them drain, up to what a group can have. */
export function slotsFor(workers: number): number {
  return Math.min(256, Math.max(2 * workers, workers + 2));
}

/** Throws ConfigurationError for what cannot be given to worker processes, or does not fit on its UDP port. */
export function checkConfigs(configs: readonly ServerConfig[], slots: number | undefined): void {
  for (const config of configs) crossingConfig(config);
  checkPorts(configs);
  const most = slots ?? 256;
  for (const config of configs) {
    const { bindHost, bindPort } = config.values;
    const workers = configs.filter(({ values }) => values.bindPort === bindPort && values.bindHost === bindHost).length;
    if (workers > most) {
      const text = slots === undefined ? "can have at most 256 workers" : `needs at least as many slots`;
      throw refused("slots", slots, `${text}: ${workers} configurations have bindPort ${bindPort}`);
    }
  }
}

/** Throws ConfigurationError for one port with different hosts: their addresses may be the same. */
export function checkPorts(configs: readonly ServerConfig[]): void {
  const hosts = new Map<number, string>();
  for (const { values } of configs) {
    const { bindHost, bindPort } = values;
    const other = bindPort === 0 ? undefined : hosts.get(bindPort);
    if (other !== undefined && other !== bindHost) {
      throw refused(
        "bindHost",
        bindHost,
        `must be the same in configurations with the same bindPort (${bindPort}): another has "${other}"`,
      );
    }
    hosts.set(bindPort, bindHost);
  }
}
