import type { LinkConditions } from "../../../src/engine/memory/link.ts";
import { memoryUnderTest } from "../engine/memory-under-test.ts";

import { describeSessions } from "./session-suite.ts";

const links: [name: string, conditions: LinkConditions][] = [
  ["memory", {}],
  ["memory, every byte by itself", { chunkSize: 1, sendWindow: 16_384 }],
  ["memory with delay", { delay: 25 }],
  [
    "memory with delay, loss, reordering and random chunks",
    { delay: 25, jitter: 30, loss: 0.2, chunkSize: "random", sendWindow: 16_384 },
  ],
  ["memory that drops a third of the datagrams", { delay: 5, datagramLoss: 1 / 3, frameSize: 100 }],
];

for (const [index, [name, conditions]] of links.entries()) {
  const factory = memoryUnderTest({ conditions, seed: index + 1 });
  describeSessions(name, {
    factory,
    keepsDatagrams: conditions.datagramLoss === undefined,
    keepsOrder: conditions.jitter === undefined,
  });
}
