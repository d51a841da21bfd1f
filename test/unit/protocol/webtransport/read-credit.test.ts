import { describe, expect, it } from "vitest";

import { CoreBench, resets, sends, serverReady } from "../core-bench.ts";
import { connectFields, headers, wire } from "../wire.ts";

/** Only the control stream lives, whose SETTINGS were read. */
const controlStream = 1;

describe("Read credit that is owed", () => {
  it("is forgotten with unknown streams that end or are reset", () => {
    const bench = new CoreBench();
    bench.run(serverReady);
    for (let index = 1; index <= 50; index += 1) {
      bench.run([sends(2 + 8 * index, wire(0x21, "abcd"), true)]);
      bench.run([sends(6 + 8 * index, wire(0x21, "abcd")), resets(6 + 8 * index)]);
    }
    expect(bench.core.ungrantedStreams).toBe(controlStream);
  });

  it("is forgotten with requests that are answered as soon as they have come", () => {
    const bench = new CoreBench({ servesAuthority: () => false });
    bench.run(serverReady);
    for (let index = 0; index < 50; index += 1) bench.run([sends(4 * index, headers(...connectFields))]);
    expect(bench.core.ungrantedStreams).toBe(controlStream);
  });
});
