import { describe, expect, it } from "vitest";

import { OutgoingStreams } from "../../../../src/transport/connection/outgoing-streams.ts";

describe("OutgoingStreams", () => {
  it("gives a waiter one turn, even one that throws", () => {
    let allowed = 0;
    let next = 0;
    const streams = new OutgoingStreams(Infinity, { quic: { open: () => (next < allowed ? 4 * next++ : undefined) } });
    const opened: (string | number)[] = [];
    const waiterOf = (name: string, fault?: Error) => ({
      direction: "bidirectional" as const,
      opened: (streamId: number) => {
        opened.push(name, streamId);
        if (fault !== undefined) throw fault;
      },
    });
    streams.open(waiterOf("first", new Error("a fault")));
    streams.open(waiterOf("second"));
    expect(streams.waiting).toBe(2);
    allowed = 2;
    expect(() => streams.available("bidirectional")).toThrow("a fault");
    streams.available("bidirectional");
    expect(opened).toEqual(["first", 0, "second", 4]);
    expect(streams.waiting).toBe(0);
  });
});
