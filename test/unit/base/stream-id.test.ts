import { describe, expect, it } from "vitest";

import {
  directionOf,
  isOpenedByServer,
  isRequestId,
  laterStreamId,
  ordinalOf,
  streamIdOf,
} from "../../../src/base/stream-id.ts";

describe("A stream id", () => {
  it.each([
    [0, false, "bidirectional", 0],
    [1, true, "bidirectional", 0],
    [6, false, "unidirectional", 1],
    [11, true, "unidirectional", 2],
    [2 ** 40, false, "bidirectional", 2 ** 38],
  ] as const)("%i tells initiator, direction and order", (streamId, isServer, direction, ordinal) => {
    expect(isOpenedByServer(streamId)).toBe(isServer);
    expect(directionOf(streamId)).toBe(direction);
    expect(ordinalOf(streamId)).toBe(ordinal);
    expect(streamIdOf(ordinal, isServer, direction)).toBe(streamId);
  });

  it("is a request's when a client has opened the stream and it is bidirectional", () => {
    const ids = [0, 1, 2, 3, 4, 2 ** 62, 4n, 5n, 2n ** 62n - 4n, 2n ** 62n - 1n];
    expect(ids.filter((id) => isRequestId(id))).toEqual([0, 4, 2 ** 62, 4n, 2n ** 62n - 4n]);
  });

  it("is followed by others of the same initiator and direction", () => {
    expect(laterStreamId(2)).toBe(6);
    expect(laterStreamId(3, 10)).toBe(43);
  });
});
