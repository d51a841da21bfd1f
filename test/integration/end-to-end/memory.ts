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

export function memoryInUse(): Memory {
  collect();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { javaScript: heapUsed + external, resident: rss };
}
