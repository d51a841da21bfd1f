import { expect } from "vitest";
import { CapsuleType, FrameType } from "../../../../src/constants/http3.ts";
import { WireCodes } from "../../../../src/constants/wire-codes.ts";
import { calls, finishes, resets, sends, serverReady, sessionOpen, stops, waits } from "../core-bench.ts";
import type { Step } from "../core-bench.ts";
import { ascii, capsule, closeCapsule, connectRequest, data, frame, grease, wire } from "../wire.ts";
import type { Wire } from "../wire.ts";
import { tryRows } from "./rows.ts";

const sessionError = (code: string): readonly string[] => [
  `closed 0 ${code} by local`,
  `reset 0 ${code}`,
  `stop 0 ${code}`,
];

const nothingKept = { sessions: 0, parkedStreams: 0, pendingStreams: 0, strays: 0 };

const closing = (...bytes: readonly Wire[]): Step => sends(0, data(...bytes));

tryRows("capsules", [
  ...[0, 1, 2, 3].map((length) => ({
    name: `WT_CLOSE_SESSION of ${length} bytes resets the session`,
    before: sessionOpen,
    steps: [closing(capsule(CapsuleType.closeSession, new Uint8Array(length)))],
    expect: sessionError("H3_MESSAGE_ERROR"),
  })),
  {
    name: "WT_CLOSE_SESSION without a reason closes the session",
    before: sessionOpen,
    steps: [closing(closeCapsule(0xffff_ffff))],
    expect: ['closed 0 4294967295 "" by peer', "write 0 fin"],
  },
  {
    name: "WT_CLOSE_SESSION with 1024 bytes of reason closes the session",
    before: sessionOpen,
    steps: [closing(closeCapsule(1, ascii("r".repeat(1024)))), finishes(0)],
    expect: [`closed 0 1 "${"r".repeat(1024)}" by peer`, "write 0 fin"],
    after: ({ core }) => {
      expect(core.counts).toEqual(nothingKept);
      expect(core.nextTimeout()).toBeUndefined();
    },
  },
  {
    name: "WT_CLOSE_SESSION with 1025 bytes of reason resets the session before they are kept",
    before: sessionOpen,
    steps: [sends(0, wire(FrameType.data, 1034, CapsuleType.closeSession, 1029))],
    expect: sessionError("H3_MESSAGE_ERROR"),
  },
  {
    name: "WT_CLOSE_SESSION with a reason that is not UTF-8 resets the session",
    before: sessionOpen,
    steps: [closing(closeCapsule(1, "c328"))],
    expect: sessionError("H3_MESSAGE_ERROR"),
  },
  {
    name: "WT_CLOSE_SESSION twice resets the stream, and the first one counts",
    before: sessionOpen,
    steps: [closing(closeCapsule(1, ascii("bye"))), closing(closeCapsule(2))],
    expect: ['closed 0 1 "bye" by peer', "write 0 fin", "stop 0 H3_MESSAGE_ERROR"],
  },
  {
    name: "DATA behind WT_CLOSE_SESSION resets the stream",
    before: sessionOpen,
    steps: [closing(closeCapsule(1, ascii("bye")), "00")],
    expect: ['closed 0 1 "bye" by peer', "write 0 fin", "stop 0 H3_MESSAGE_ERROR"],
  },
  {
    name: "a frame of greasing and FIN behind WT_CLOSE_SESSION are accepted",
    before: sessionOpen,
    steps: [sends(0, wire(data(closeCapsule(1)), frame(grease.frame, "0102")), true)],
    expect: ['closed 0 1 "" by peer', "write 0 fin"],
  },
  {
    name: "FIN without WT_CLOSE_SESSION closes the session with code 0",
    before: sessionOpen,
    steps: [finishes(0)],
    expect: ['closed 0 0 "" by peer', "write 0 fin"],
    after: ({ core }) => expect(core.counts).toEqual(nothingKept),
  },
  ...[closeCapsule(1).subarray(0, 1), closeCapsule(1).subarray(0, 3), closeCapsule(1).subarray(0, 5)].map((bytes) => ({
    name: `FIN behind ${bytes.length} bytes of a capsule resets the session`,
    before: sessionOpen,
    steps: [sends(0, data(bytes), true)],
    expect: ["closed 0 H3_MESSAGE_ERROR by local", "reset 0 H3_MESSAGE_ERROR"],
  })),
  {
    name: "a reset of the session's stream ends the session with an error",
    before: sessionOpen,
    steps: [resets(0, WireCodes.H3_REQUEST_CANCELLED)],
    expect: ["closed 0 H3_REQUEST_CANCELLED by peer", "reset 0 H3_REQUEST_CANCELLED"],
    after: ({ core }) => expect(core.counts).toEqual(nothingKept),
  },
  {
    name: "STOP_SENDING for the session's stream ends the session with an error",
    before: sessionOpen,
    steps: [stops(0, WireCodes.H3_REQUEST_CANCELLED)],
    expect: ["closed 0 H3_REQUEST_CANCELLED by peer", "stop 0 H3_REQUEST_CANCELLED"],
    after: ({ core }) => expect(core.counts).toEqual(nothingKept),
  },
  {
    name: "an unknown capsule of 2^62 - 1 bytes is skipped",
    before: sessionOpen,
    steps: [closing(grease.capsule, 2n ** 62n - 1n, new Uint8Array(200))],
    expect: [],
  },
  {
    name: "more than 1000 capsules in a second end the connection",
    whole: true,
    before: sessionOpen,
    steps: [closing(...Array.from({ length: 1001 }, () => capsule(grease.capsule)))],
    expect: ["close H3_EXCESSIVE_LOAD"],
  },
  {
    name: "capsules in DATA frames of one byte each are accepted",
    before: sessionOpen,
    steps: [
      sends(
        0,
        wire(
          ...[...capsule(CapsuleType.drainSession), ...closeCapsule(3, ascii("x"))].map((byte) =>
            data(Uint8Array.of(byte)),
          ),
        ),
      ),
    ],
    expect: ["draining 0", 'closed 0 3 "x" by peer', "write 0 fin"],
  },
  {
    name: "several capsules in one DATA frame, and empty DATA frames between, are accepted",
    before: sessionOpen,
    steps: [
      sends(
        0,
        wire(
          data(),
          data(
            capsule(grease.capsule, "0102"),
            capsule(CapsuleType.drainSession),
            capsule(CapsuleType.datagram, ascii("d")),
          ),
          data(),
          data(closeCapsule(3)),
          data(),
        ),
      ),
    ],
    expect: ["draining 0", 'datagram 0 "d"', 'closed 0 3 "" by peer', "write 0 fin"],
  },
  {
    name: "a DATAGRAM capsule of more than 64 KiB is skipped",
    before: sessionOpen,
    steps: [closing(capsule(CapsuleType.datagram, new Uint8Array(65_537)), capsule(CapsuleType.drainSession))],
    expect: ["draining 0"],
  },
  {
    name: "WT_DRAIN_SESSION with a byte resets the session",
    before: sessionOpen,
    steps: [closing(capsule(CapsuleType.drainSession, "00"))],
    expect: sessionError("H3_MESSAGE_ERROR"),
  },
  {
    name: "WT_DRAIN_SESSION twice is accepted",
    before: sessionOpen,
    steps: [closing(capsule(CapsuleType.drainSession), capsule(CapsuleType.drainSession))],
    expect: ["draining 0", "draining 0"],
  },
  ...[0x190b4d3e, 0x190b4d42].map((type) => ({
    name: `capsule type 0x${type.toString(16)}, which HTTP/3 has no use for, resets the session`,
    before: sessionOpen,
    steps: [closing(capsule(type, 0, 0))],
    expect: sessionError("H3_MESSAGE_ERROR"),
  })),
  ...[0x190b4d38, 0x190b4d39, 0x190b4d3a, 0x190b4d3b, 0x190b4d3c].map((type) => ({
    name: `capsule type 0x${type.toString(16)} of WebTransport over HTTP/2 is skipped`,
    before: sessionOpen,
    steps: [closing(capsule(type, "0102"))],
    expect: [],
  })),
  ...[0x190b4d3d, 0x190b4d3f, 0x190b4d40, 0x190b4d41, 0x190b4d43, 0x190b4d44].map((type) => ({
    name: `capsule type 0x${type.toString(16)} is ignored where flow control is off`,
    before: sessionOpen,
    steps: [closing(capsule(type, 0), capsule(type, 2n ** 61n), capsule(type, "0102030405060708090a"))],
    expect: [],
  })),
  {
    name: "a capsule before the answer is heard behind it",
    options: { accepts: false },
    before: serverReady,
    steps: [
      sends(0, wire(connectRequest(), data(capsule(grease.capsule, "00"), capsule(CapsuleType.drainSession)))),
      calls(({ core }) => core.acceptSession(0, { headers: [] })),
    ],
    expect: ["request 0", "write 0 200", "draining 0"],
  },
]);

const closesHere = calls(({ core }) => core.closeSession(0, 5, "here"));
const ourGoodbye = `write 0 ${Buffer.from(data(closeCapsule(5, ascii("here")))).toString("hex")} fin`;

tryRows("both sides close at the same time", [
  {
    name: "the local goodbye counts when the peer's crosses it",
    before: sessionOpen,
    steps: [closesHere, sends(0, data(closeCapsule(6, ascii("there"))), true)],
    expect: [ourGoodbye, 'closed 0 5 "here" by local'],
    after: ({ core }) => {
      expect(core.counts).toEqual(nothingKept);
      expect(core.nextTimeout()).toBeUndefined();
    },
  },
  {
    name: "what was in flight when this side closed is no error",
    before: sessionOpen,
    steps: [
      closesHere,
      sends(0, data(capsule(CapsuleType.drainSession), capsule(CapsuleType.datagram, ascii("d")))),
      sends(0, data(closeCapsule(6))),
      finishes(0),
    ],
    expect: [ourGoodbye, 'closed 0 5 "here" by local'],
  },
  ...[
    ["a reset", resets(0, WireCodes.H3_NO_ERROR)] as const,
    ["STOP_SENDING", stops(0, WireCodes.H3_NO_ERROR)] as const,
  ].map(([name, step]) => ({
    name: `${name} behind the local goodbye is the normal end`,
    before: sessionOpen,
    steps: [closesHere, step],
    expect: [
      ourGoodbye,
      'closed 0 5 "here" by local',
      ...(name === "STOP_SENDING" ? ["stop 0 H3_REQUEST_CANCELLED"] : []),
    ],
  })),
  {
    name: "a peer that never ends its half is stopped after 5 s",
    before: sessionOpen,
    steps: [closesHere, waits(5000)],
    expect: [ourGoodbye, 'closed 0 5 "here" by local', "stop 0 WT_SESSION_GONE"],
    after: ({ core }) => expect(core.counts).toEqual(nothingKept),
  },
  {
    name: "a reset behind the peer's goodbye is the normal end",
    before: sessionOpen,
    steps: [sends(0, data(closeCapsule(6))), resets(0, WireCodes.H3_NO_ERROR)],
    expect: ['closed 0 6 "" by peer', "write 0 fin"],
    after: ({ core }) => expect(core.counts).toEqual(nothingKept),
  },
]);
