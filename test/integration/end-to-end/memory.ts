import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export interface Memory {
  /** Bytes of live objects and of the buffers that they own, after a collection. */
  readonly javaScript: number;
  /** Bytes of the process. */
  readonly resident: number;
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Pages that one collection has emptied go back to the system in the next ones: after a single one tens of megabytes may be left. */
const collections = 4;

export async function memoryInUse(): Promise<Memory> {
  for (let done = 0; done < collections; done += 1) {
    collect();
    await turn();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { javaScript: heapUsed + external, resident: rss };
}
