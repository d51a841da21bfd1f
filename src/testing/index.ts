/**
 * Applications and engines without UDP, in virtual time.
 *
 * @module tswebtransport/testing
 */
export { memoryEngine } from "../engine/memory/memory-engine.ts";
export type { MemoryEngine, MemoryEngineOptions } from "../engine/memory/memory-engine.ts";
export type { LinkConditions } from "../engine/memory/link.ts";
export { VirtualClock } from "../engine/memory/virtual-clock.ts";
export type { VirtualClockOptions } from "../engine/memory/virtual-clock.ts";
export { createTestPair } from "./test-pair.ts";
export type { TestClientOptions, TestPair, TestPairOptions } from "./test-pair.ts";
