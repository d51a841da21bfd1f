import { describe, expect, it } from "vitest";

import { WireCodes } from "../../../../src/constants/wire-codes.ts";

import { Pair } from "../pair.ts";

describe("STOP_SENDING of the session's stream with WT_SESSION_GONE", () => {
  it("waits for the goodbye that comes behind it, as webtransport-go closes", async () => {
    const pair = await Pair.create();
    const { client, server } = await pair.session();
    pair.quic.client.stop(0, WireCodes.WT_SESSION_GONE);
    await pair.wait(client.close({ code: 7, reason: "gone" }));
    expect(await server.closed).toEqual({ clean: true, code: 7, reason: "gone", by: "peer" });
  });
});
