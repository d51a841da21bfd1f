// Where things are.
import { fileURLToPath } from "node:url";

export const inBenchmarks = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
export const inRoot = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export const LOAD = inBenchmarks("target/release/load");
/** The newer Node that npm's package `node` brings: rwebtransport runs on 24 and 26 only. */
export const NEWER_NODE = inBenchmarks("node_modules/node/bin/node");
