import { memoryEngine } from "../../../src/engine/memory/memory-engine.ts";
import type { MemoryEngineOptions } from "../../../src/engine/memory/memory-engine.ts";

import type { EngineFactory } from "./under-test.ts";

export function memoryUnderTest(options: MemoryEngineOptions = {}): EngineFactory {
  return () => {
    const engine = memoryEngine(options);
    return {
      engine,
      scale: options.conditions?.chunkSize === undefined ? 1 : 1 / 16,
      time: { now: engine.clock.now, setTimer: engine.clock.setTimer },
      path: async (address) => ({
        address,
        cut: () => {
          engine.cut();
        },
        changeAddress: async (client) => {
          engine.changeAddress(client, 40_000);
        },
      }),
      elapse: (milliseconds) => engine.clock.advance(milliseconds),
      close: async () => {},
    };
  };
}
