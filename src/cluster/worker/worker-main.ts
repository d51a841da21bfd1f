/** The program of a cluster's worker process. */
import { WorkerRuntime } from "./worker-runtime.ts";

new WorkerRuntime(Number(process.argv[2])).listen();
