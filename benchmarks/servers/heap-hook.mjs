// Loaded into a server by heap.mjs: for each path on standard input it collects garbage, writes a heap snapshot there and
// answers with the process's memory.
import { createInterface } from "node:readline";
import { setImmediate as turn } from "node:timers/promises";
import { writeHeapSnapshot } from "node:v8";

createInterface({ input: process.stdin }).on("line", (path) => void answer(path));

async function answer(path) {
  // Finalizers and weak references free more in the turns behind a collection.
  for (let round = 0; round < 4; round += 1) {
    globalThis.gc();
    await turn();
  }
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  writeHeapSnapshot(path);
  console.log(JSON.stringify({ heapUsed, arrayBuffers, rss }));
}
