import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { SettingId } from "../../src/constants/http3.ts";
import { CoreBench } from "../unit/protocol/core-bench.ts";
import type { BenchOptions } from "../unit/protocol/core-bench.ts";
import {
  bidiStream,
  capsule,
  closeCapsule,
  connectRequest,
  control,
  data,
  frame,
  grease,
  headers,
  plainSettings,
  settings,
  uniStream,
  wire,
} from "../unit/protocol/wire.ts";

const limited = wire(
  0,
  settings(
    ...plainSettings,
    [SettingId.wtEnabled, 1],
    [SettingId.wtInitialMaxData, 9],
    [SettingId.wtInitialMaxStreamsUni, 2],
  ),
);

/** Pieces of traffic, sensible by themselves: what a fuzzer would take long to find. */
const snippets: readonly Uint8Array[] = [
  control(),
  limited,
  connectRequest(),
  connectRequest({ ":protocol": "webtransport-h3" }),
  headers([":status", "200"]),
  headers([":method", "GET"], [":scheme", "https"], [":authority", "a"], [":path", "/"]),
  data(closeCapsule(1)),
  data(capsule(0x78ae)),
  data(capsule(0x190b4d3d, 20)),
  data(capsule(grease.capsule, "0102")),
  frame(grease.frame, "00"),
  frame(7, 0),
  uniStream(0, "616263"),
  uniStream(4),
  bidiStream(0, "78"),
  wire(2, "20"),
  wire(3, "40"),
];
const chunk = fc.oneof(fc.constantFrom(...snippets), fc.uint8Array({ maxLength: 20 }));
const streamId = fc.nat({ max: 20 });
const code = fc.constantFrom(0n, 0x100n, 0x10cn, 0x170d7b68n, 0x52e4a40fa8dbn);

type Act = (bench: CoreBench) => void;
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.tuple(streamId, chunk, fc.boolean()).map(([id, bytes, fin]): Act => (bench) => {
      bench.run([{ kind: "bytes", streamId: id, bytes, fin: fin && bytes.length % 4 === 0 }]);
    }),
  },
  fc.tuple(streamId, code).map(([id, reset]): Act => (bench) => {
    bench.resets(id, reset, 10);
  }),
  fc.tuple(streamId, code).map(([id, stop]): Act => ({ core, now }) => {
    core.handleStreamStopped(id, stop, now);
  }),
  fc.uint8Array({ maxLength: 4 }).map((bytes): Act => ({ core, now }) => {
    core.handleDatagram(bytes, now);
  }),
  fc.nat({ max: 6000 }).map((milliseconds): Act => (bench) => {
    bench.wait(milliseconds);
  }),
  fc.constantFrom<Act>(
    ({ core }) => core.sendGoaway(),
    ({ core }) => core.closeSession(0, 1, "here"),
    ({ core }) => core.abortSession(0, 0x10cn, "enough"),
    ({ core }) => core.drainSession(0),
    ({ core }) => core.rejectSession(0, { status: 404, headers: [] }),
    ({ core }) => core.sendFlowControl(0),
  ),
);

const options: readonly BenchOptions[] = [{}, { accepts: false }, { role: "client" }, { drafts: "P1" }];

describe("a protocol core", () => {
  // Invariant: no input makes the core throw, what it keeps stays within its limits, and a session ends at most once.
  it("takes any traffic in any order", () => {
    fc.assert(
      fc.property(fc.constantFrom(...options), fc.array(act, { maxLength: 40 }), (setting, acts) => {
        const bench = new CoreBench(setting);
        for (const each of acts) {
          each(bench);
          bench.take();
          const { sessions, parkedStreams, pendingStreams } = bench.core.counts;
          expect(sessions).toBeGreaterThanOrEqual(0);
          expect(sessions).toBeLessThanOrEqual(16);
          expect(parkedStreams).toBeLessThanOrEqual(24);
          expect(pendingStreams).toBeLessThanOrEqual(64);
        }
        for (const [sessionId, count] of bench.ends) expect(count, `session ${sessionId}`).toBe(1);
        expect(bench.failures).toBeLessThanOrEqual(1);
        if (bench.failures > 0) expect(bench.core.nextTimeout()).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  // Invariant: when every stream of the peer has ended and every deadline has passed, nothing is kept.
  it("keeps nothing when everything has ended", () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 30 }), (acts) => {
        const bench = new CoreBench({ accepts: false });
        for (const each of acts) {
          each(bench);
          bench.take();
        }
        for (let id = 0; id <= 20; id += 4) {
          bench.resets(id, 0n, 10);
          bench.take();
        }
        bench.wait(60_000);
        if (bench.failures === 0) expect(bench.core.counts).toMatchObject({ sessions: 0, parkedStreams: 0 });
      }),
      { numRuns: 300 },
    );
  });
});
