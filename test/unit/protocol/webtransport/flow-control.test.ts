import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { CapsuleType } from "../../../../src/constants/http3.ts";
import { WireError } from "../../../../src/errors/wire-error.ts";
import { SessionFlowControl } from "../../../../src/protocol/webtransport/flow-control.ts";
import type { FlowResource } from "../../../../src/protocol/webtransport/flow-control.ts";
import { capsule, data } from "../wire.ts";

function control(ours: number, theirs: number): SessionFlowControl {
  const limits = (limit: number) => ({
    maxData: limit,
    maxStreamsBidirectional: limit,
    maxStreamsUnidirectional: limit,
  });
  return new SessionFlowControl(limits(ours), limits(theirs));
}

function capsules(flow: SessionFlowControl): string[] {
  const all: string[] = [];
  while (flow.isDue) all.push(hex(flow.pollCapsule()));
  expect(flow.pollCapsule()).toBeUndefined();
  return all;
}

function hex(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString("hex");
}

const limit = (type: number, value: number): string => hex(data(capsule(type, value)));

const resources: readonly (readonly [FlowResource, raise: number, blocked: number])[] = [
  ["data", CapsuleType.maxData, CapsuleType.dataBlocked],
  ["bidirectional", CapsuleType.maxStreamsBidirectional, CapsuleType.streamsBlockedBidirectional],
  ["unidirectional", CapsuleType.maxStreamsUnidirectional, CapsuleType.streamsBlockedUnidirectional],
];

describe("the limit of data", () => {
  it("is not announced again before half of it has been given back", () => {
    const flow = control(1000, 0);
    flow.received("data", 999);
    flow.giveBack("data", 499);
    expect(capsules(flow)).toEqual([]);
    flow.giveBack("data", 1);
    expect(capsules(flow)).toEqual([limit(CapsuleType.maxData, 1500)]);
    expect(capsules(flow)).toEqual([]);
  });
});

describe.each(resources.slice(1))("the limit of %s streams", (resource, raise) => {
  it("is announced again as soon as an eighth of it has been given back", () => {
    const flow = control(1000, 0);
    flow.received(resource, 499);
    flow.giveBack(resource, 124);
    expect(capsules(flow)).toEqual([]);
    flow.giveBack(resource, 1);
    expect(capsules(flow)).toEqual([limit(raise, 1125)]);
    expect(capsules(flow)).toEqual([]);
  });

  it("withholds nothing once the peer has used half of it", () => {
    const flow = control(1000, 0);
    flow.received(resource, 499);
    flow.giveBack(resource, 1);
    expect(capsules(flow)).toEqual([]);
    flow.received(resource, 1);
    expect(capsules(flow)).toEqual([limit(raise, 1001)]);
  });
});

describe.each(resources)("the limit of %s", (resource, raise, blocked) => {
  it("lets the peer use exactly what was announced", () => {
    const flow = control(10, 0);
    flow.received(resource, 10);
    expect(() => flow.received(resource, 1)).toThrow(
      expect.objectContaining({ scope: "session", wireCode: 0x045d4487n }),
    );
  });

  it("is announced at once when the peer has nothing left", () => {
    const flow = control(1000, 0);
    flow.received(resource, 1000);
    expect(capsules(flow)).toEqual([]);
    flow.giveBack(resource, 1);
    expect(capsules(flow)).toEqual([limit(raise, 1001)]);
    expect(capsules(flow)).toEqual([]);
    flow.giveBack(resource, 1);
    flow.received(resource, 1);
    expect(capsules(flow)).toEqual([limit(raise, 1002)]);
  });

  it("of the peer can be raised, and tells when it was", () => {
    const flow = control(0, 5);
    expect(flow.available(resource)).toBe(5);
    flow.use(resource, 3);
    expect(flow.available(resource)).toBe(2);
    expect(flow.takeCapsule(raise, 9n)).toBe(resource);
    expect(flow.available(resource)).toBe(6);
  });

  it("of the peer may be announced again unchanged, as draft 15 allows", () => {
    const flow = control(0, 5);
    expect(flow.takeCapsule(raise, 5n)).toBeUndefined();
    expect(flow.available(resource)).toBe(5);
  });

  it("of the peer must not shrink", () => {
    const flow = control(0, 5);
    expect(() => flow.takeCapsule(raise, 4n)).toThrow(WireError);
  });

  it("tells the peer once for every limit that it holds this side up", () => {
    const flow = control(0, 5);
    flow.block(resource);
    flow.block(resource);
    expect(capsules(flow)).toEqual([limit(blocked, 5)]);
    flow.takeCapsule(raise, 6n);
    flow.block(resource);
    expect(capsules(flow)).toEqual([limit(blocked, 6)]);
  });

  it("is not changed by the peer's telling that it is held up", () => {
    const flow = control(7, 5);
    expect(flow.takeCapsule(blocked, 7n)).toBeUndefined();
    expect(capsules(flow)).toEqual([]);
  });

  it("never lets the peer have more in use than the window, and never starves it", () => {
    // Invariant: used and not given back never exceeds the window, and whoever has given everything back can use more.
    const step = fc.record({ use: fc.nat({ max: 9 }), back: fc.nat({ max: 9 }) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.array(step, { maxLength: 100 }), (window, steps) => {
        const flow = control(window, 0);
        const peer = control(0, window);
        let inUse = 0;
        const exchange = (): void => {
          while (flow.isDue) {
            const bytes = flow.pollCapsule() ?? new Uint8Array(0);
            // DATA, its length, a type of four bytes, the length, the number.
            const view = bytes.subarray(2 + 4 + 1);
            peer.takeCapsule(raise, readNumber(view));
          }
        };
        for (const { use, back } of steps) {
          const used = Math.min(use, peer.available(resource));
          peer.use(resource, used);
          flow.received(resource, used);
          inUse += used;
          expect(inUse).toBeLessThanOrEqual(window);
          const returned = Math.min(back, inUse);
          flow.giveBack(resource, returned);
          inUse -= returned;
          exchange();
          if (inUse === 0) expect(peer.available(resource)).toBeGreaterThan(0);
        }
      }),
    );
  });
});

describe("a limit of streams past 2^60", () => {
  it.each(resources.filter(([resource]) => resource !== "data"))("is refused for %s", (_, raise, blocked) => {
    expect(() => control(0, 5).takeCapsule(raise, (1n << 60n) + 1n)).toThrow(WireError);
    expect(() => control(0, 5).takeCapsule(blocked, (1n << 60n) + 1n)).toThrow(WireError);
    expect(control(0, 5).takeCapsule(raise, 1n << 60n)).toBeDefined();
  });

  it("is allowed for bytes", () => {
    expect(control(0, 5).takeCapsule(CapsuleType.maxData, (1n << 62n) - 1n)).toBe("data");
  });
});

function readNumber(bytes: Uint8Array): bigint {
  let value = BigInt((bytes[0] ?? 0) & 0x3f);
  for (const byte of bytes.subarray(1)) value = value * 256n + BigInt(byte);
  return value;
}
