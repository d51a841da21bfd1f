import { describe, expect, it } from "vitest";

import { StreamError } from "../../../../src/errors/errors.ts";
import type { CreditTaker, SendCredit } from "../../../../src/transport/streams/send-credit.ts";
import { SendHalf } from "../../../../src/transport/streams/send-half.ts";

import { bytes, FakeStream, isPending } from "../fake-quic.ts";

const prefix = Uint8Array.of(0x40, 0x54, 0x00);

class Credit implements SendCredit {
  available: number;
  readonly waiting = new Set<CreditTaker>();
  constructor(available: number) {
    this.available = available;
  }
  take(writer: CreditTaker, wanted: number): number {
    const granted = Math.min(wanted, this.available);
    this.available -= granted;
    if (granted < wanted) this.waiting.add(writer);
    return granted;
  }
  forget(writer: CreditTaker): void {
    this.waiting.delete(writer);
  }
  give(half: SendHalf, amount: number): void {
    this.available += amount;
    this.available -= half.resume(this.available);
  }
}

function makeHalf({ resetStreamAt = true, credit }: { resetStreamAt?: boolean; credit?: Credit } = {}) {
  const stream = new FakeStream({ resetStreamAt, sendCredit: credit });
  return { stream, half: new SendHalf(stream, prefix), quic: stream.quic };
}

describe("a reset where both sides have RESET_STREAM_AT", () => {
  it("keeps the prefix reliable", () => {
    const { half, quic } = makeHalf();
    void half.write("abc");
    half.reset(1);
    expect(quic.calls).toEqual(["reset 0 0x52e4a40fa8dc behind 3"]);
    expect(half.over).toBe(true);
  });

  it("sends the prefix first where it is not gone yet", () => {
    const { half, quic } = makeHalf();
    half.reset(1);
    expect(quic.written).toHaveLength(1);
    expect(quic.calls).toEqual(["reset 0 0x52e4a40fa8dc behind 3"]);
  });

  it("keeps reliable what was committed, and not what came after", () => {
    const { half, quic } = makeHalf();
    void half.write("abc");
    half.commit();
    void half.write("def");
    half.reset(1);
    expect(quic.calls).toEqual(["reset 0 0x52e4a40fa8dc behind 6"]);
  });

  it("needs no prefix on the answering half of the peer's stream", () => {
    const stream = new FakeStream({ resetStreamAt: true });
    const half = new SendHalf(stream);
    void half.write("abc");
    half.reset(1);
    expect(stream.quic.calls).toEqual(["reset 0 0x52e4a40fa8dc"]);
  });

  it("keeps the prefix reliable at the session's end, too", () => {
    const { half, quic } = makeHalf();
    half.abandon(new StreamError("gone", { streamId: 0 }) as never, 0x170d7b68n);
    expect(quic.written).toHaveLength(1);
    expect(quic.calls).toEqual(["reset 0 0x170d7b68 behind 3"]);
  });

  it("waits until what was committed has had its credit", async () => {
    const credit = new Credit(2);
    const { half, quic, stream } = makeHalf({ credit });
    const written = half.write("abcdef");
    half.commit();
    void half.write("ghi");
    half.reset(1);
    await expect(half.closed).rejects.toMatchObject({ code: "ERR_WT_STREAM_RESET" });
    await expect(half.write("x")).rejects.toBeInstanceOf(StreamError);
    expect(quic.calls).toEqual([]);
    expect(half.over).toBe(false);
    credit.give(half, 3);
    expect(quic.calls).toEqual([]);
    credit.give(half, 3);
    expect(quic.text().slice(3)).toBe("abcdef");
    expect(quic.calls).toEqual(["reset 0 0x52e4a40fa8dc behind 9"]);
    expect(half.over).toBe(true);
    expect(credit.available).toBe(2);
    expect(credit.waiting.size).toBe(0);
    expect(stream.changes).toBe(2);
    void written.catch(() => {});
  });

  it("is not waited for any more when the peer stops the stream", () => {
    const credit = new Credit(2);
    const { half, quic } = makeHalf({ credit });
    void half.write("abcdef").catch(() => {});
    half.commit();
    half.reset(1);
    expect(half.over).toBe(false);
    half.stopped(new StreamError("stopped", { streamId: 0 }));
    expect(half.over).toBe(true);
    expect(quic.calls).toEqual([]);
    expect(credit.waiting.size).toBe(0);
  });

  it("goes out with what there is when the session ends meanwhile", () => {
    const credit = new Credit(2);
    const { half, quic } = makeHalf({ credit });
    void half.write("abcdef").catch(() => {});
    half.commit();
    half.reset(1);
    half.abandon(new StreamError("gone", { streamId: 0 }) as never, 0x170d7b68n);
    expect(quic.calls).toEqual(["reset 0 0x52e4a40fa8dc behind 5"]);
    expect(half.over).toBe(true);
  });
});

describe("a reset where the peer has no RESET_STREAM_AT", () => {
  it("takes back what was committed", () => {
    const { half, quic } = makeHalf({ resetStreamAt: false });
    void half.write("abc");
    half.commit();
    half.reset(1);
    expect(quic.calls).toEqual(["reset 0 0x52e4a40fa8dc"]);
  });

  it("waits until the prefix has left the engine's queue", () => {
    const { half, quic, stream } = makeHalf({ resetStreamAt: false });
    quic.room = 2;
    void half.write("abc").catch(() => {});
    half.reset(1);
    expect(quic.calls).toEqual([]);
    expect(half.over).toBe(false);
    half.accepted(1);
    expect(quic.calls).toEqual(["reset 0 0x52e4a40fa8dc"]);
    expect(half.over).toBe(true);
    expect(stream.changes).toBe(2);
  });
});

describe("a write beyond the session's credit", () => {
  it("waits, and goes out as credit comes", async () => {
    const credit = new Credit(2);
    const { half, quic, stream } = makeHalf({ credit });
    const data = bytes("x".repeat(150));
    const written = half.writeAll(data);
    data.fill(0);
    expect(quic.text().slice(3)).toBe("xx");
    expect(half.bufferedAmount).toBe(148);
    expect(await isPending(written)).toBe(true);
    credit.give(half, 47);
    expect(half.bufferedAmount).toBe(101);
    expect(await isPending(written)).toBe(true);
    credit.give(half, 2);
    await written;
    credit.give(half, 1000);
    expect(quic.text().slice(3)).toBe(`${"x".repeat(150)}|`);
    expect(credit.available).toBe(901);
    half.delivered();
    await half.closed;
    expect(stream.changes).toBe(1);
  });

  it("keeps its order with later writes and the end of the stream", async () => {
    const credit = new Credit(1);
    const { half, quic } = makeHalf({ credit });
    void half.write("ab");
    void half.write("cd");
    half.finish();
    const flushed = half.flush();
    expect(await isPending(flushed)).toBe(true);
    credit.give(half, 2);
    expect(quic.text().slice(3)).toBe("abc");
    credit.give(half, 2);
    expect(quic.text().slice(3)).toBe("abcd|");
    await flushed;
  });

  it("is dropped by a reset", () => {
    const credit = new Credit(1);
    const { half, quic } = makeHalf({ credit });
    void half.write("ab").catch(() => {});
    half.finish();
    half.reset(1);
    expect(credit.waiting.size).toBe(0);
    credit.give(half, 10);
    expect(quic.text().slice(3)).toBe("a");
    expect(quic.calls).toEqual(["reset 0 0x52e4a40fa8dc behind 3"]);
  });
});
