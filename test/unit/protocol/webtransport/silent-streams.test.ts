import { describe, expect, it } from "vitest";

import { WireCodes } from "../../../../src/constants/wire-codes.ts";
import type { ProtocolOutput } from "../../../../src/protocol/output.ts";
import { ProtocolConnection } from "../../../../src/protocol/connection.ts";

function drain(core: ProtocolConnection): ProtocolOutput[] {
  const outputs: ProtocolOutput[] = [];
  for (let output = core.pollOutput(); output !== undefined; output = core.pollOutput()) outputs.push(output);
  return outputs;
}

describe("A stream whose first bytes do not come", () => {
  it("is left alone for ever while it is silent: it may be a QPACK stream that is opened but not used", () => {
    const core = new ProtocolConnection("server");
    for (const streamId of [2, 6, 0]) core.handleStreamOpened(streamId, 0);
    core.handleTimeout(1_000_000);
    expect(drain(core)).toEqual([]);
    expect(core.nextTimeout()).toBeUndefined();
  });

  it("does not count against the limit of incomplete ones while it is silent", () => {
    const core = new ProtocolConnection("server", { limits: { maxIncompleteStreams: 2 } });
    for (const streamId of [2, 6, 10, 14]) core.handleStreamOpened(streamId, 0);
    expect(drain(core)).toEqual([]);
  });

  it("is stopped when it has begun and does not go on, however often single bytes come", () => {
    const core = new ProtocolConnection("server", { limits: { prefixTimeout: 100 } });
    core.handleStreamOpened(2, 0);
    core.handleStreamData(2, Uint8Array.of(0x40), false, 10);
    core.handleStreamData(2, Uint8Array.of(0x54), false, 90);
    expect(core.nextTimeout()).toBe(110);
    core.handleTimeout(110);
    expect(drain(core)).toContainEqual({ type: "stop", streamId: 2, code: WireCodes.WT_BUFFERED_STREAM_REJECTED });
  });

  it("gives way to newer ones past the limit of incomplete streams", () => {
    const core = new ProtocolConnection("server", { limits: { maxIncompleteStreams: 2 } });
    for (const streamId of [2, 6, 10]) {
      core.handleStreamOpened(streamId, 0);
      core.handleStreamData(streamId, Uint8Array.of(0x40), false, 0);
    }
    const stops = drain(core).filter(({ type }) => type === "stop");
    expect(stops).toEqual([{ type: "stop", streamId: 2, code: WireCodes.WT_BUFFERED_STREAM_REJECTED }]);
  });
});
