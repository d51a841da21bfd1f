import { defineConfig } from "vitest/config";

import { findChromium } from "./scripts/find-chromium.mjs";
import { findPrometheus } from "./scripts/find-prometheus.mjs";
import { findRedis } from "./scripts/find-redis.mjs";

const programs = {
  TSWEBTRANSPORT_CHROMIUM: findChromium(),
  TSWEBTRANSPORT_REDIS_SERVER: findRedis(),
  TSWEBTRANSPORT_PROMETHEUS: findPrometheus("prometheus"),
  TSWEBTRANSPORT_PROMTOOL: findPrometheus("promtool"),
};
const env = Object.fromEntries(
  Object.entries(programs).flatMap(([name, path]) => (path === undefined ? [] : [[name, path]])),
);
const alone = ["conformance", "integration", "interop", "browser"];

/** Tests that share the machine's sockets and clock run one file after the other, so that none slows another down. */
function oneByOne(name: string, groupOrder: number) {
  return {
    extends: true as const,
    test: { name, include: [`test/${name}/**/*.test.ts`], maxWorkers: 1, sequence: { groupOrder } },
  };
}

export default defineConfig({
  test: {
    pool: "forks",
    testTimeout: 60_000,
    hookTimeout: 60_000,
    allowOnly: false,
    setupFiles: ["test/setup/unhandled-errors.ts"],
    env,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: alone.map((name) => `test/${name}/**`),
          sequence: { groupOrder: 0 },
        },
      },
      ...alone.map((name, index) => oneByOne(name, index + 1)),
    ],
  },
});
