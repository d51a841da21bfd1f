import { LocalBus } from "./local-bus.ts";
import type { BusChannels, MessageBus } from "./message-bus.ts";

/** An application may load a second copy of this package: both are on the same bus. */
const key = Symbol.for("tswebtransport.clusterBus");

interface Holder {
  [key]?: LocalBus;
}

/** This process's bus, by which `clusterBus()` and a cluster's worker know each other. */
export function processBus(): LocalBus {
  const holder: Holder = globalThis as Holder;
  const bus = holder[key] ?? new LocalBus();
  holder[key] = bus;
  return bus;
}

/**
 * The bus between the workers of this process's cluster and the process that has the cluster. Outside a worker it reaches
 * this process alone. `Channels` types what is sent on each channel.
 *
 * ```ts
 * const bus = clusterBus<{ prices: { symbol: string; price: number } }>();
 * bus.on("prices", ({ symbol, price }) => console.log(symbol, price));
 * bus.broadcast("prices", { symbol: "ABC", price: 12.5 });
 * ```
 */
export function clusterBus<Channels extends BusChannels = Record<string, unknown>>(): MessageBus<Channels> {
  return processBus();
}
