import { World } from "./world.ts";
import type { EngineFactory } from "./under-test.ts";

/** A test in a world of its own, which is cleared away whatever happens. */
export function withWorld(factory: EngineFactory, run: (world: World) => Promise<void>): () => Promise<void> {
  return async () => {
    const world = new World(factory);
    try {
      await run(world);
    } finally {
      await world.close();
    }
  };
}
