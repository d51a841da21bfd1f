import { expect } from "vitest";

import { CapsuleType, SettingId } from "../../../../src/constants/http3.ts";
import { WireCodes } from "../../../../src/constants/wire-codes.ts";
import { calls, resets, sends, waits } from "../core-bench.ts";
import type { BenchOptions, Step } from "../core-bench.ts";
import {
  ascii,
  bidiStream,
  capsule,
  connectRequest,
  data,
  grease,
  plainSettings,
  settings,
  uniStream,
  wire,
} from "../wire.ts";
import type { SettingPairs, Wire } from "../wire.ts";

import { tryRows } from "./rows.ts";

/** A peer that speaks draft 15 with small limits. */
const limited: SettingPairs = [
  ...plainSettings,
  [SettingId.wtEnabled, 1],
  [SettingId.wtInitialMaxData, 100],
  [SettingId.wtInitialMaxStreamsBidi, 2],
  [SettingId.wtInitialMaxStreamsUni, 3],
];
const options: BenchOptions = {
  sessionLimits: { maxData: 1000, maxStreamsBidirectional: 1, maxStreamsUnidirectional: 2 },
};
const request = sends(0, connectRequest({ ":protocol": "webtransport-h3" }));
const open = (...pairs: SettingPairs): readonly Step[] => [sends(2, wire(0, settings(...pairs))), request];
const beforeRequest = open(...limited).slice(0, 1);
const before = open(...limited);
const says = (...bytes: readonly Wire[]): Step => sends(0, data(...bytes));
const ended = (code: string): readonly string[] => [`closed 0 ${code} by local`, `reset 0 ${code}`, `stop 0 ${code}`];
const hex = (bytes: Uint8Array): string => Buffer.from(data(bytes)).toString("hex");
const flowError = ended("WT_FLOW_CONTROL_ERROR");

tryRows("session flow control", [
  ...(
    [
      ["WT_MAX_DATA", CapsuleType.maxData, 100],
      ["WT_MAX_STREAMS for bidirectional streams", CapsuleType.maxStreamsBidirectional, 2],
      ["WT_MAX_STREAMS for unidirectional streams", CapsuleType.maxStreamsUnidirectional, 3],
    ] as const
  ).flatMap(([name, type, limit]) => [
    {
      name: `${name} lower than before ends the session`,
      options,
      before,
      steps: [says(capsule(type, limit - 1))],
      expect: flowError,
    },
    {
      name: `${name} equal to before is ignored`,
      options,
      before,
      steps: [says(capsule(type, limit))],
      expect: [],
    },
    {
      name: `${name} higher than before raises the limit`,
      options,
      before,
      steps: [says(capsule(type, limit + 1), capsule(type, limit + 5))],
      expect: Array.from({ length: 2 }, () => {
        const resource = name === "WT_MAX_DATA" ? "data" : name.replace(/.* for (\w+) .*/, "$1");
        return JSON.stringify({ type: "creditRaised", sessionId: 0, resource });
      }),
    },
    {
      name: `${name} without a number ends the session`,
      options,
      before,
      steps: [says(capsule(type))],
      expect: ended("H3_MESSAGE_ERROR"),
    },
    {
      name: `${name} with a truncated number ends the session`,
      options,
      before,
      steps: [says(capsule(type, "c0000000"))],
      expect: ended("H3_MESSAGE_ERROR"),
    },
    {
      name: `${name} with two numbers ends the session`,
      options,
      before,
      steps: [says(capsule(type, limit + 1, 0))],
      expect: ended("H3_MESSAGE_ERROR"),
    },
    {
      name: `${name} of more than 8 bytes ends the session before they are kept`,
      options,
      before,
      steps: [says(type, 9)],
      expect: ended("H3_MESSAGE_ERROR"),
    },
  ]),
  ...[
    CapsuleType.maxStreamsBidirectional,
    CapsuleType.maxStreamsUnidirectional,
    CapsuleType.streamsBlockedBidirectional,
    CapsuleType.streamsBlockedUnidirectional,
  ].map((type) => ({
    name: `capsule type 0x${type.toString(16)} with 2^60 + 1 streams ends the session`,
    options,
    before,
    steps: [says(capsule(type, 2n ** 60n + 1n))],
    expect: flowError,
  })),
  {
    name: "the peer's telling that it is held up is heard and changes nothing",
    options,
    before,
    steps: [
      says(
        capsule(CapsuleType.dataBlocked, 1000),
        capsule(CapsuleType.streamsBlockedBidirectional, 1),
        capsule(CapsuleType.streamsBlockedUnidirectional, 2n ** 60n),
      ),
    ],
    expect: [],
  },
  ...[CapsuleType.maxStreamData, CapsuleType.streamDataBlocked].map((type) => ({
    name: `capsule type 0x${type.toString(16)} ends the session`,
    options,
    before,
    steps: [says(capsule(type, 0, 0))],
    expect: ended("H3_MESSAGE_ERROR"),
  })),
  {
    name: "one bidirectional stream too many ends the session, and no other",
    options,
    before: [...before, sends(4, connectRequest())],
    steps: [
      sends(8, bidiStream(0, ascii("x"))),
      sends(12, bidiStream(0, ascii("y"))),
      sends(16, bidiStream(4, ascii("z")), true),
    ],
    expect: [
      ...flowError,
      ...["stop 12 WT_SESSION_GONE", "reset 12 WT_SESSION_GONE"],
      ...['stream 8 of 0 "x"', 'stream 16 of 4 "z" fin'],
    ],
  },
  {
    name: "one unidirectional stream too many ends the session",
    options,
    before,
    steps: [sends(6, uniStream(0), true), sends(10, uniStream(0), true), sends(14, uniStream(0), true)],
    expect: [...flowError, "stop 14 WT_SESSION_GONE", 'stream 6 of 0 "" fin', 'stream 10 of 0 "" fin'],
  },
  {
    name: "one parked stream too many ends the session as soon as it is established",
    options: { ...options, accepts: false },
    before,
    steps: [
      sends(6, uniStream(0)),
      sends(10, uniStream(0)),
      sends(14, uniStream(0)),
      calls(({ core }) => core.acceptSession(0, { headers: [] })),
    ],
    expect: [...["write 0 200", "stop 14 WT_SESSION_GONE", ...flowError], ...['stream 6 of 0 ""', 'stream 10 of 0 ""']],
  },
  {
    name: "a stream that was refused before its session came counts there, and is given back",
    options: { ...options, limits: { maxParkedStreams: 0 } },
    before: beforeRequest,
    steps: [
      sends(6, uniStream(0, ascii("x"))),
      sends(10, uniStream(0, ascii("y"))),
      request,
      resets(6, WireCodes.WT_BUFFERED_STREAM_REJECTED, 3 + 600),
      resets(10, WireCodes.WT_BUFFERED_STREAM_REJECTED, 3 + 1),
    ],
    expect: [
      ...["stop 6 WT_BUFFERED_STREAM_REJECTED", "stop 10 WT_BUFFERED_STREAM_REJECTED", "request 0", "write 0 200"],
      `write 0 ${hex(capsule(CapsuleType.maxData, 1600))}`,
      `write 0 ${hex(capsule(CapsuleType.maxStreamsUnidirectional, 3))}`,
      `write 0 ${hex(capsule(CapsuleType.maxStreamsUnidirectional, 4))}`,
    ],
    after: ({ core }) => expect(core.counts.sessions).toBe(1),
  },
  {
    name: "streams that were refused and have ended before their session came count there, and are given back",
    options: { ...options, limits: { maxParkedStreams: 0 } },
    before: beforeRequest,
    steps: [
      sends(6, uniStream(0, new Uint8Array(300)), true),
      sends(10, uniStream(0, ascii("x"))),
      resets(10, WireCodes.WT_BUFFERED_STREAM_REJECTED, 3 + 300),
      calls(({ core }) => expect(core.counts.strays).toBe(0)),
      request,
    ],
    expect: [
      ...["stop 6 WT_BUFFERED_STREAM_REJECTED", "stop 10 WT_BUFFERED_STREAM_REJECTED", "request 0", "write 0 200"],
      `write 0 ${hex(capsule(CapsuleType.maxData, 1600))}`,
      `write 0 ${hex(capsule(CapsuleType.maxStreamsUnidirectional, 4))}`,
    ],
  },
  {
    name: "complete and reset streams that have waited too long for their session count there, and are given back",
    options,
    before: beforeRequest,
    steps: [
      sends(6, uniStream(0, new Uint8Array(300)), true),
      sends(10, uniStream(0, ascii("x"))),
      resets(10, 0n, 3 + 300),
      waits(5000),
      calls(({ core }) => expect(core.counts.strays).toBe(0)),
      request,
    ],
    expect: [
      ...["stop 6 WT_BUFFERED_STREAM_REJECTED", "stop 10 WT_BUFFERED_STREAM_REJECTED", "request 0", "write 0 200"],
      `write 0 ${hex(capsule(CapsuleType.maxData, 1600))}`,
      `write 0 ${hex(capsule(CapsuleType.maxStreamsUnidirectional, 4))}`,
    ],
  },
  {
    name: "streams that were refused before their session came end it when they are more than it allows",
    options: { ...options, limits: { maxParkedStreams: 0 } },
    before: beforeRequest,
    steps: [...[6, 10, 14].map((streamId) => sends(streamId, uniStream(0), true)), request],
    expect: [
      ...[6, 10, 14].map((streamId) => `stop ${streamId} WT_BUFFERED_STREAM_REJECTED`),
      ...["request 0", "write 0 200", ...flowError],
    ],
  },
  {
    name: "a complete stream that was refused while its session waits for the answer counts at once",
    options: { ...options, accepts: false, limits: { maxParkedBytes: 599 } },
    before,
    steps: [
      sends(6, uniStream(0, new Uint8Array(600)), true),
      calls(({ core }) => expect(core.counts.strays).toBe(0)),
      calls(({ core }) => core.acceptSession(0, { headers: [] })),
      resets(6, WireCodes.WT_BUFFERED_STREAM_REJECTED, 3 + 600),
    ],
    expect: [
      ...["stop 6 WT_BUFFERED_STREAM_REJECTED", "write 0 200"],
      `write 0 ${hex(capsule(CapsuleType.maxData, 1600))}`,
      `write 0 ${hex(capsule(CapsuleType.maxStreamsUnidirectional, 3))}`,
    ],
  },
  {
    name: "a stream that was refused while its session waits ends it when it is more than it allows",
    options: { ...options, accepts: false, limits: { maxParkedBytes: 1000 } },
    before,
    steps: [sends(6, uniStream(0, new Uint8Array(1001)), true)],
    expect: [
      ...["stop 6 WT_BUFFERED_STREAM_REJECTED", "cancelled 0", "reset 0 WT_FLOW_CONTROL_ERROR"],
      ...["stop 0 WT_FLOW_CONTROL_ERROR", "stop 6 WT_SESSION_GONE"],
    ],
  },
  ...(
    [
      ["neither side announces limits", { ...options, drafts: "P1b" }, limited],
      ["the peer announces none", options, [...plainSettings, [SettingId.wtEnabled, 1]]],
      ["the peer speaks draft 02 alone", options, [...plainSettings, [SettingId.wtInitialMaxData, 5]]],
    ] as const
  ).map(([name, benchOptions, pairs]) => ({
    name: `there is none where ${name}`,
    options: benchOptions,
    before: open(...pairs),
    steps: [
      says(capsule(CapsuleType.maxData, 0), capsule(CapsuleType.maxStreamsUnidirectional, "ffff"), grease.capsule, 0),
      ...Array.from({ length: 5 }, (_, index) => sends(6 + 4 * index, uniStream(0), true)),
    ],
    expect: Array.from({ length: 5 }, (_, index) => `stream ${6 + 4 * index} of 0 "" fin`),
  })),
  {
    name: "there is some where both announce several sessions in draft 13's setting",
    options,
    before: [sends(2, wire(0, settings(...plainSettings, [SettingId.wtMaxSessions, 2]))), sends(0, connectRequest())],
    steps: [says(capsule(CapsuleType.maxData, 0), capsule(CapsuleType.maxData, 1))],
    expect: [JSON.stringify({ type: "creditRaised", sessionId: 0, resource: "data" })],
  },
]);
