import { describe, expect, it } from "vitest";

import { draftNames } from "../../../../src/constants/drafts.ts";
import type { DraftSelection } from "../../../../src/constants/drafts.ts";
import { SettingId } from "../../../../src/constants/http3.ts";
import { controlStreamPreamble } from "../../../../src/protocol/options.ts";
import {
  announcedSettings,
  drafts,
  isFlowControlled,
  negotiateDraft,
  obstacleOf,
  profileOf,
  simultaneousSessions,
} from "../../../../src/protocol/webtransport/drafts.ts";
import { calls, CoreBench, sends } from "../core-bench.ts";
import { connectRequest, settings, wire } from "../wire.ts";
import type { SettingPairs } from "../wire.ts";

function ours(selection: DraftSelection, maxSessions = 16): ReadonlyMap<bigint, bigint> {
  return announcedSettings({
    drafts: selection,
    maxSessions,
    sessionLimits: { maxData: 1_048_576, maxStreamsBidirectional: 100, maxStreamsUnidirectional: 50 },
    maxFieldSectionSize: 65_536,
  });
}

const base: SettingPairs = [
  [SettingId.enableConnectProtocol, 1],
  [SettingId.h3Datagram, 1],
];
const theirs = (...pairs: SettingPairs): ReadonlyMap<bigint, bigint> =>
  new Map([...base, ...pairs].map(([id, value]) => [BigInt(id), BigInt(value)]));

describe("what is announced", () => {
  it("is in P1 what every browser takes", () => {
    const bytes = controlStreamPreamble({ drafts: "P1" });
    expect(Buffer.from(bytes).toString("hex")).toBe(
      "00 041b 0100 0700 0680010000 0801 3301 ab60374201 c0000000c671706a01".replaceAll(" ", ""),
    );
  });

  it("is in P1b draft 15's setting beside, without limits", () => {
    const settings = ours("P1b");
    expect(settings.get(SettingId.wtEnabled)).toBe(1n);
    expect(settings.has(SettingId.wtInitialMaxData)).toBe(false);
  });

  it("is by default P2: drafts 02, 13 and 15 with the limits of sessions, and not draft 07", () => {
    expect(profileOf("all")).toBe(profileOf("P2"));
    const settings = ours("all", 7);
    expect(settings.get(SettingId.enableWebTransport)).toBe(1n);
    expect(settings.get(SettingId.wtMaxSessions)).toBe(7n);
    expect(settings.get(SettingId.wtEnabled)).toBe(1n);
    expect(settings.get(SettingId.wtInitialMaxData)).toBe(1_048_576n);
    expect(settings.get(SettingId.wtInitialMaxStreamsBidi)).toBe(100n);
    expect(settings.get(SettingId.wtInitialMaxStreamsUni)).toBe(50n);
    expect(settings.has(SettingId.webTransportMaxSessions07)).toBe(false);
  });

  it("can be chosen draft by draft", () => {
    expect([...ours(["draft-07"]).keys()]).toEqual([1n, 7n, 6n, 8n, 0x33n, SettingId.webTransportMaxSessions07]);
    expect(ours(["draft-13"]).get(SettingId.wtInitialMaxData)).toBe(1_048_576n);
  });

  it("cannot be nothing, nor what nobody knows", () => {
    expect(() => profileOf([])).toThrow(RangeError);
    expect(() => profileOf("P3" as "P1")).toThrow(RangeError);
    expect(() => profileOf(["draft-99"] as unknown as ["draft-02"])).toThrow(RangeError);
  });
});

describe("negotiateDraft()", () => {
  it("takes the newest that both sides announce", () => {
    const all = ours([...draftNames]);
    expect(negotiateDraft(all, all)?.name).toBe("draft-15");
    expect(negotiateDraft(all, theirs([SettingId.wtMaxSessions, 1], [SettingId.enableWebTransport, 1]))?.name).toBe(
      "draft-13",
    );
    expect(negotiateDraft(ours("P1"), ours("P2"))?.name).toBe("draft-02");
    expect(negotiateDraft(ours("P1"), ours("P1b"))?.name).toBe("draft-07");
  });

  it("gives none where nothing fits", () => {
    expect(negotiateDraft(ours(["draft-07"]), ours(["draft-15"]))).toBeUndefined();
    expect(negotiateDraft(ours("all"), theirs([SettingId.enableWebTransport, 0]))).toBeUndefined();
  });
});

describe("isFlowControlled()", () => {
  const [draft15, draft13, draft07, draft02] = drafts;
  it("needs limits of both sides in draft 15", () => {
    expect(isFlowControlled(draft15!, ours("P2"), theirs([SettingId.wtInitialMaxStreamsUni, 1]))).toBe(true);
    expect(isFlowControlled(draft15!, ours("P2"), theirs([SettingId.wtInitialMaxStreamsUni, 0]))).toBe(false);
    expect(isFlowControlled(draft15!, ours("P2"), theirs([SettingId.wtMaxSessions, 9]))).toBe(false);
    expect(isFlowControlled(draft15!, ours("P1b"), theirs([SettingId.wtInitialMaxData, 1]))).toBe(false);
  });
  it("is content with several sessions in draft 13", () => {
    expect(isFlowControlled(draft13!, ours("P2"), theirs([SettingId.wtMaxSessions, 2]))).toBe(true);
    expect(isFlowControlled(draft13!, ours("P2"), theirs([SettingId.wtMaxSessions, 1]))).toBe(false);
    expect(isFlowControlled(draft13!, ours("P2"), theirs([SettingId.wtInitialMaxData, 1]))).toBe(true);
  });
  it("does not exist before", () => {
    for (const draft of [draft07!, draft02!]) {
      expect(isFlowControlled(draft, ours("P2"), theirs([SettingId.wtInitialMaxData, 1]))).toBe(false);
    }
  });
});

describe("a client", () => {
  it.each([
    ["webtransport-h3", "draft-15", ours("all")],
    ["webtransport", "draft-02", ours("P1")],
    ["webtransport", "draft-13", ours(["draft-13", "draft-02"])],
  ] as const)("asks for %s where the server speaks %s", (token, draft, server) => {
    const bench = new CoreBench({ role: "client" });
    const lines = bench.run([
      sends(3, wire(0, settings(...server))),
      calls(({ core, now }) => core.openSession(0, { authority: "a", path: "/", headers: [], protocols: [] }, now)),
    ]);
    expect(lines).toEqual([
      `ready ${draft}`,
      `write 0 :method=CONNECT :protocol=${token} :scheme=https :authority=a :path=/`,
    ]);
  });

  it.each([
    ["extended CONNECT", [[0x33, 1]]],
    ["HTTP datagrams", [[0x08, 1]]],
    ["no draft of WebTransport", base],
    ["announce draft-07, this side draft-15, draft-13, draft-02", [...base, [SettingId.webTransportMaxSessions07, 1]]],
  ] as const)("says what is missing: %s", (what, pairs) => {
    const bench = new CoreBench({ role: "client" });
    const [reason, close] = bench.run([sends(3, wire(0, settings(...(pairs as SettingPairs))))]);
    expect(reason).toContain(what);
    expect(close).toBe("close WT_REQUIREMENTS_NOT_MET");
  });

  it("finds no obstacle in a server of ours, whatever profile it has", () => {
    for (const profile of ["P1", "P1b", "P2"] as const) {
      expect(obstacleOf(ours("all"), ours(profile))).toBeUndefined();
    }
  });
});

describe("a server", () => {
  const request = (token: string) => sends(0, connectRequest({ ":protocol": token }));
  it("accepts either token", () => {
    for (const token of ["webtransport", "webtransport-h3"]) {
      const bench = new CoreBench();
      expect(bench.run([sends(2, wire(0, settings(...base))), request(token)])).toEqual([
        "ready ",
        "request 0",
        "write 0 200",
      ]);
    }
  });

  it("refuses draft 15's token of a client without HTTP datagrams", () => {
    const bench = new CoreBench();
    const lines = bench.run([sends(2, wire(0, settings([SettingId.wtEnabled, 1]))), request("webtransport-h3")]);
    expect(lines).toEqual(["ready draft-15", "reset 0 H3_MESSAGE_ERROR", "stop 0 H3_MESSAGE_ERROR"]);
  });

  it("accepts the old token of a client without HTTP datagrams that announces WebTransport", () => {
    const bench = new CoreBench();
    const lines = bench.run([
      sends(2, wire(0, settings([SettingId.webTransportMaxSessions07, 1]))),
      request("webtransport"),
    ]);
    expect(lines).toEqual(["ready ", "request 0", "write 0 200"]);
  });

  it("refuses the old token of a client that announces nothing at all", () => {
    const bench = new CoreBench();
    const lines = bench.run([sends(2, wire(0, settings())), request("webtransport")]);
    expect(lines).toEqual(["ready ", "reset 0 H3_MESSAGE_ERROR", "stop 0 H3_MESSAGE_ERROR"]);
  });
});

describe("simultaneousSessions()", () => {
  const limits: SettingPairs = [[SettingId.wtInitialMaxData, 1000]];

  it.each<[what: string, selection: DraftSelection, server: SettingPairs, sessions: number]>([
    ["draft-02 knows no number", ["draft-02"], [[SettingId.enableWebTransport, 1]], 1],
    ["draft-07 announces it", ["draft-07"], [[SettingId.webTransportMaxSessions07, 5]], 5],
    ["draft-13 announces it", ["draft-13"], [[SettingId.wtMaxSessions, 5]], 5],
    ["draft-13 announces one", ["draft-13"], [[SettingId.wtMaxSessions, 1], ...limits], 1],
    ["draft-15 without flow control", ["draft-15"], [[SettingId.wtEnabled, 1]], 1],
    ["draft-15 with flow control", ["draft-15"], [[SettingId.wtEnabled, 1], ...limits], Infinity],
    ["draft-15 beside draft-13", "all", [[SettingId.wtEnabled, 1], [SettingId.wtMaxSessions, 4], ...limits], 4],
  ])("is what the server allows: %s", (_what, selection, server, sessions) => {
    const [mine, its] = [ours(selection), theirs(...server)];
    const draft = negotiateDraft(mine, its);
    expect(draft && simultaneousSessions(draft, mine, its)).toBe(sessions);
  });
});
