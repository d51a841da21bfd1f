import { defineConfig } from "vitest/config";

import { findChromium } from "./scripts/find-chromium.mjs";

const chromium = findChromium();
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
    ...(chromium === undefined ? {} : { env: { TSWEBTRANSPORT_CHROMIUM: chromium } }),
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
