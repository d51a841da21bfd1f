/** The program of a cluster's worker process. */
import { WorkerRuntime } from "./worker-runtime.ts";

const [, , parent = "", relayPath = ""] = process.argv;
new WorkerRuntime(Number(parent), relayPath).listen();
