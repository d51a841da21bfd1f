import { expect } from "vitest";

import { CapsuleType, FrameType } from "../../../../src/constants/http3.ts";
import { WireCodes } from "../../../../src/constants/wire-codes.ts";
import { toWireCode } from "../../../../src/protocol/webtransport/error-mapping.ts";
import {
  calls,
  clientReady,
  datagram,
  finishes,
  resets,
  sends,
  serverReady,
  sessionOpen,
  stops,
  together,
  waits,
} from "../core-bench.ts";
import type { Step } from "../core-bench.ts";
import {
  ascii,
  bidiStream,
  capsule,
  closeCapsule,
  connectRequest,
  data,
  frame,
  grease,
  headers,
  uniStream,
  wire,
} from "../wire.ts";

import type { Wire } from "../wire.ts";

import { tryRows } from "./rows.ts";

const sessionError = (code: string): readonly string[] => [
  `closed 0 ${code} by local`,
  `reset 0 ${code}`,
  `stop 0 ${code}`,
];
const nothingKept = { sessions: 0, parkedStreams: 0, pendingStreams: 0, strays: 0 };

tryRows("streams and their sessions", [
  ...[1, 2, 3, 5, 2n ** 62n - 1n, 4n * 5000n, 2n ** 62n - 4n].flatMap((id) => [
    {
      name: `session id ${id} on a unidirectional stream ends the connection`,
      before: sessionOpen,
      steps: [sends(6, uniStream(id))],
      expect: ["close H3_ID_ERROR"],
    },
    {
      name: `session id ${id} on a bidirectional stream ends the connection`,
      before: sessionOpen,
      steps: [sends(4, bidiStream(id))],
      expect: ["close H3_ID_ERROR"],
    },
  ]),
  {
    name: "a stream of a session that never comes is parked and then refused",
    before: sessionOpen,
    steps: [sends(6, uniStream(8, ascii("x"))), sends(4, bidiStream(8)), waits(5000)],
    expect: [
      "stop 6 WT_BUFFERED_STREAM_REJECTED",
      "stop 4 WT_BUFFERED_STREAM_REJECTED",
      "reset 4 WT_BUFFERED_STREAM_REJECTED",
    ],
    after: ({ core }) => expect(core.counts.parkedStreams).toBe(0),
  },
  {
    name: "the 25th parked stream is refused",
    before: sessionOpen,
    steps: Array.from({ length: 25 }, (_, index) => sends(6 + 4 * index, uniStream(8))),
    expect: [`stop ${6 + 4 * 24} WT_BUFFERED_STREAM_REJECTED`],
    after: ({ core }) => expect(core.counts.parkedStreams).toBe(24),
  },
  {
    name: "of complete streams whose session never comes nothing is left",
    before: sessionOpen,
    steps: [
      ...Array.from({ length: 5000 }, (_, index) => sends(6 + 4 * index, uniStream(8), true)),
      waits(5000),
      calls((bench) => bench.take()),
    ],
    expect: [],
    after: ({ core }) => expect(core.counts).toEqual({ ...nothingKept, sessions: 1 }),
    whole: true,
  },
  {
    name: "of streams that were refused nothing is left when their session is turned down",
    options: { accepts: false, limits: { maxParkedStreams: 0 } },
    before: serverReady,
    steps: [
      sends(6, uniStream(0)),
      calls(({ core }) => expect(core.counts.strays).toBe(1)),
      sends(0, connectRequest(), true),
      calls(({ core }) => core.rejectSession(0, { status: 404, headers: [] })),
    ],
    expect: ["stop 6 WT_BUFFERED_STREAM_REJECTED", "request 0", "write 0 404 fin"],
    after: ({ core }) => expect(core.counts).toEqual(nothingKept),
  },
  {
    name: "streams and datagrams before their session are delivered in the order of their arrival",
    before: serverReady,
    steps: [
      sends(6, uniStream(0, ascii("abc"))),
      sends(4, bidiStream(0, ascii("def")), true),
      datagram(wire("00", ascii("1"))),
      datagram(wire("00", ascii("2"))),
      resets(6, toWireCode(7), 6),
      sends(0, connectRequest()),
    ],
    expect: [
      ...["request 0", "write 0 200", 'datagram 0 "1"', 'datagram 0 "2"'],
      ...['stream 6 of 0 "abc" reset code 7', 'stream 4 of 0 "def" fin'],
    ],
    after: ({ core }) => expect(core.counts.parkedStreams).toBe(0),
  },
  {
    name: "STOP_SENDING that overtakes a stream's first bytes is told with the stream",
    before: sessionOpen,
    steps: [
      calls((bench) => bench.open(4)),
      stops(4, toWireCode(7)),
      stops(4, toWireCode(8)),
      sends(4, bidiStream(0, ascii("x")), true),
    ],
    expect: ['stream 4 of 0 "x" stopped code 7 fin'],
  },
  {
    name: "STOP_SENDING for a stream that waits for its session is told with the stream",
    before: serverReady,
    steps: [sends(4, bidiStream(0, ascii("x"))), stops(4, toWireCode(7)), sends(0, connectRequest())],
    expect: ["request 0", "write 0 200", 'stream 4 of 0 "x" stopped code 7'],
  },
  {
    name: "nothing is written to the stream of a session that the peer has stopped",
    before: [...sessionOpen, stops(0, WireCodes.WT_SESSION_GONE)],
    steps: [calls(({ core }) => core.closeSession(0, 5, "bye")), finishes(0)],
    expect: ['closed 0 5 "bye" by local'],
    after: ({ core }) => expect(core.counts).toEqual(nothingKept),
  },
  {
    name: "streams of a session that has closed are refused, and the connection lives",
    before: [...sessionOpen, finishes(0)],
    steps: [sends(6, uniStream(0, ascii("x"))), sends(4, bidiStream(0), true), sends(8, connectRequest())],
    expect: [
      ...["stop 6 WT_SESSION_GONE", "stop 4 WT_SESSION_GONE", "reset 4 WT_SESSION_GONE"],
      ...["request 8", "write 8 200"],
    ],
  },
  {
    name: "a stream of nothing but its prefix and FIN is delivered",
    before: sessionOpen,
    steps: [sends(6, uniStream(0), true), sends(4, bidiStream(0), true), sends(10, uniStream(0, "00"), true)],
    expect: ['stream 6 of 0 "" fin', 'stream 4 of 0 "" fin', 'stream 10 of 0 "\0" fin'],
  },
  {
    name: "prefixes in encodings that are longer than needed are accepted",
    before: sessionOpen,
    steps: [
      sends(6, wire("80000054 c000000000000000", ascii("x")), true),
      sends(4, wire("c000000000000041 4000", ascii("y")), true),
    ],
    expect: ['stream 6 of 0 "x" fin', 'stream 4 of 0 "y" fin'],
  },
  {
    name: "the signal behind a frame of greasing ends the connection",
    before: sessionOpen,
    steps: [sends(4, wire(frame(grease.frame), bidiStream(0)))],
    expect: ["close H3_FRAME_ERROR"],
  },
  {
    name: "the signal on the control stream ends the connection",
    before: sessionOpen,
    steps: [sends(2, bidiStream(0))],
    expect: ["close H3_FRAME_ERROR"],
  },
  {
    name: "the signal in the middle of the session's stream ends the connection",
    before: sessionOpen,
    steps: [sends(0, bidiStream(0))],
    expect: ["close H3_FRAME_ERROR"],
  },
  ...["40", "4041", "4041 40"].map((bytes) => ({
    name: `a bidirectional stream that stays at "${bytes}" is refused after 10 s`,
    before: sessionOpen,
    steps: [sends(4, wire(bytes)), waits(10_000)],
    expect: ["stop 4 WT_BUFFERED_STREAM_REJECTED", "reset 4 WT_BUFFERED_STREAM_REJECTED"],
    after: ({ core }: { core: { counts: object } }) => expect(core.counts).toMatchObject({ pendingStreams: 0 }),
  })),
  {
    name: "of 1000 streams with half a prefix 64 are kept, and those for 10 s",
    whole: true,
    before: sessionOpen,
    steps: [
      ...Array.from({ length: 1000 }, (_, index) => sends(6 + 4 * index, wire("40"))),
      calls(({ core }) => expect(core.counts.pendingStreams).toBe(64)),
      waits(10_000),
    ],
    expect: Array.from({ length: 1000 }, (_, index) => `stop ${6 + 4 * index} WT_BUFFERED_STREAM_REJECTED`),
    after: ({ core }) => expect(core.counts.pendingStreams).toBe(0),
  },
  ...["", "40", "4054", "4054 40"].map((bytes) => ({
    name: `a unidirectional stream that is reset behind "${bytes}" is ignored`,
    before: sessionOpen,
    steps: [sends(6, wire(bytes)), resets(6, toWireCode(1))],
    expect: [],
    after: ({ core }: { core: { counts: object } }) => expect(core.counts).toMatchObject({ pendingStreams: 0 }),
  })),
  ...["", "40", "4041"].map((bytes) => ({
    name: `a bidirectional stream that is reset behind "${bytes}" is no error`,
    before: sessionOpen,
    steps: [sends(4, wire(bytes)), resets(4, toWireCode(1))],
    expect: ["reset 4 H3_REQUEST_CANCELLED"],
  })),
  {
    name: "a stream that is reset behind its prefix, or some bytes later, is delivered with what came",
    before: sessionOpen,
    steps: [
      sends(6, uniStream(0)),
      resets(6, toWireCode(1), 3),
      sends(10, uniStream(0, ascii("ab"))),
      resets(10, toWireCode(2), 9),
    ],
    expect: ['stream 6 of 0 "" reset code 1', 'stream 10 of 0 "ab" reset code 2'],
  },
]);

tryRows("datagrams", [
  ...["", "40", "c000"].map((bytes) => ({
    name: `a datagram of "${bytes}" ends the connection`,
    before: sessionOpen,
    steps: [datagram(wire(bytes))],
    expect: ["close H3_DATAGRAM_ERROR"],
  })),
  {
    name: "a datagram with a quarter stream id of 2^60 ends the connection",
    before: sessionOpen,
    steps: [datagram(wire(2n ** 60n))],
    expect: ["close H3_DATAGRAM_ERROR"],
  },
  {
    name: "a datagram of a session that nobody can have asked for yet ends the connection",
    before: sessionOpen,
    steps: [datagram(wire(2n ** 60n - 1n))],
    expect: ["close H3_ID_ERROR"],
  },
  {
    name: "a datagram of a session that does not come is dropped",
    before: sessionOpen,
    steps: [datagram(wire(2)), waits(5000)],
    expect: [],
    after: ({ core }) => expect(core.nextTimeout()).toBeUndefined(),
  },
  {
    name: "a datagram of a closed session is dropped",
    before: [...sessionOpen, finishes(0)],
    steps: [datagram(wire(0, ascii("x")))],
    expect: [],
  },
  {
    name: "a datagram of a plain request is dropped",
    before: [
      ...sessionOpen,
      sends(4, headers([":method", "GET"], [":scheme", "https"], [":authority", "a"], [":path", "/"])),
    ],
    steps: [datagram(wire(1, ascii("x")))],
    expect: [],
  },
  {
    name: "an empty datagram is delivered",
    before: sessionOpen,
    steps: [datagram(wire(0)), datagram(wire("4000", ascii("x")))],
    expect: ['datagram 0 ""', 'datagram 0 "x"'],
  },
  {
    name: "of 40 datagrams before their session the last 32 are delivered",
    before: serverReady,
    steps: [
      ...Array.from({ length: 40 }, (_, index) => datagram(wire(0, ascii(`${index}`)))),
      sends(0, connectRequest()),
    ],
    expect: [...["request 0", "write 0 200"], ...Array.from({ length: 32 }, (_, index) => `datagram 0 "${index + 8}"`)],
  },
]);

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

/** A client whose request on stream 0 is open. */
const asked: readonly Step[] = [
  ...clientReady,
  calls(({ core, now }) => core.openSession(0, { authority: "a", path: "/", headers: [], protocols: ["p"] }, now)),
];
const accepted = headers([":status", "200"]);

tryRows("what a client hears of its session", [
  {
    name: "interim responses are skipped, and the final one counts",
    options: { role: "client" },
    before: asked,
    steps: [sends(0, wire(headers([":status", "103"], ["link", "x"]), headers([":status", "100"]), accepted))],
    expect: ["accepted 0"],
  },
  ...[
    ["101", headers([":status", "101"])] as const,
    ["two digits", headers([":status", "20"])] as const,
    ["no digits", headers([":status", "abc"])] as const,
    ["none", headers(["x", "y"])] as const,
    ["a request's pseudo-header beside it", headers([":status", "200"], [":path", "/"])] as const,
  ].map(([name, bytes]) => ({
    name: `a response whose status is malformed (${name}) resets the request`,
    options: { role: "client" } as const,
    before: asked,
    steps: [sends(0, bytes)],
    expect: ["rejected 0 H3_MESSAGE_ERROR", "reset 0 H3_MESSAGE_ERROR", "stop 0 H3_MESSAGE_ERROR"],
  })),
  {
    name: "a rejection with a body and trailers is one, with its status",
    options: { role: "client" },
    before: asked,
    steps: [
      sends(0, wire(headers([":status", "404"], ["content-length", "2"]), data("0102"), headers(["x", "y"])), true),
    ],
    expect: ["rejected 0 404", "write 0 fin"],
    after: ({ core }) => {
      expect(core.counts).toEqual(nothingKept);
      expect(core.nextTimeout()).toBeUndefined();
    },
  },
  {
    name: "FIN without a response rejects the request",
    options: { role: "client" },
    before: asked,
    steps: [finishes(0)],
    expect: ["rejected 0 H3_REQUEST_INCOMPLETE", "reset 0 H3_REQUEST_INCOMPLETE"],
  },
  {
    name: "a reset before the response rejects the request with its code",
    options: { role: "client" },
    before: asked,
    steps: [resets(0, WireCodes.H3_REQUEST_REJECTED)],
    expect: ["rejected 0 H3_REQUEST_REJECTED", "reset 0 H3_REQUEST_CANCELLED"],
  },
  {
    name: "trailers on the answer to CONNECT end the connection",
    options: { role: "client" },
    before: [...asked, sends(0, accepted)],
    steps: [sends(0, headers(["x", "y"]))],
    expect: ["close H3_FRAME_UNEXPECTED"],
  },
  {
    name: "PUSH_PROMISE ends the connection",
    options: { role: "client" },
    before: asked,
    steps: [sends(0, frame(FrameType.pushPromise, 0, "0000"))],
    expect: ["close H3_FRAME_UNEXPECTED"],
  },
  {
    name: "streams and datagrams that overtake the response are delivered behind it",
    options: { role: "client" },
    before: asked,
    steps: [
      sends(1, bidiStream(0, ascii("a"))),
      sends(7, uniStream(0, ascii("b")), true),
      datagram(wire(0, ascii("c"))),
      sends(0, accepted),
    ],
    expect: ["accepted 0", 'datagram 0 "c"', 'stream 1 of 0 "a"', 'stream 7 of 0 "b" fin'],
  },
  {
    name: "streams that overtake a rejection are refused",
    options: { role: "client" },
    before: asked,
    steps: [sends(1, bidiStream(0)), sends(0, headers([":status", "403"]), true)],
    expect: [
      ...["rejected 0 403", "stop 1 WT_BUFFERED_STREAM_REJECTED", "reset 1 WT_BUFFERED_STREAM_REJECTED"],
      "write 0 fin",
    ],
  },
  {
    name: "a subprotocol that was offered is agreed on",
    options: { role: "client" },
    before: asked,
    steps: [sends(0, headers([":status", "200"], ["wt-protocol", '"p"']))],
    expect: ['accepted 0 "p"'],
  },
  {
    name: "a subprotocol that was not offered ends the session with WT_ALPN_ERROR",
    options: { role: "client" },
    before: asked,
    steps: [sends(0, headers([":status", "200"], ["wt-protocol", '"q"']))],
    expect: ["rejected 0 WT_ALPN_ERROR", "reset 0 WT_ALPN_ERROR", "stop 0 WT_ALPN_ERROR"],
  },
]);

/** 30 streams of each direction and as many datagrams, of session 0: more than wait for a session that nobody has asked for. */
const burst = (role: "client" | "server"): { readonly steps: readonly Step[]; readonly arrive: readonly string[] } => {
  const [firstBidirectional, firstUnidirectional] = role === "server" ? [4, 6] : [1, 7];
  const streams = Array.from({ length: 30 }, (_, index) => [
    { streamId: firstBidirectional + 4 * index, bytes: bidiStream(0, ascii(`b${index}`)) },
    { streamId: firstUnidirectional + 4 * index, bytes: uniStream(0, ascii(`u${index}`)) },
  ]).flat();
  const texts = Array.from({ length: 60 }, (_, index) => `d${index}`);
  return {
    steps: [
      ...streams.map(({ streamId, bytes }) => sends(streamId, bytes, true)),
      ...texts.map((text) => datagram(wire("00", ascii(text)))),
    ],
    arrive: [
      ...texts.map((text) => `datagram 0 "${text}"`),
      ...streams.map(({ streamId, bytes }) => {
        return `stream ${streamId} of 0 "${Buffer.from(bytes.subarray(3)).toString()}" fin`;
      }),
    ],
  };
};
const toServer = burst("server");
const toClient = burst("client");
const kept = ({ core }: { readonly core: { readonly counts: object } }): void => {
  expect(core.counts).toEqual({ ...nothingKept, sessions: 1 });
};

tryRows("streams and datagrams that come with their session", [
  {
    name: "wait for its request, when that comes last of all",
    before: serverReady,
    steps: [together(...toServer.steps, sends(0, connectRequest()))],
    expect: ["request 0", "write 0 200", ...toServer.arrive],
    after: kept,
    whole: true,
  },
  {
    name: "wait for its answer, however long that takes",
    options: { accepts: false },
    before: [...serverReady, sends(0, connectRequest())],
    steps: [...toServer.steps, waits(60_000), calls(({ core }) => core.acceptSession(0, { headers: [] }))],
    expect: ["write 0 200", ...toServer.arrive],
    after: kept,
    whole: true,
  },
  {
    name: "wait for its answer when they came before its request, too",
    options: { accepts: false },
    before: serverReady,
    steps: [
      sends(6, uniStream(0, ascii("x"))),
      datagram(wire("00", ascii("y"))),
      sends(0, connectRequest()),
      waits(60_000),
      calls(({ core }) => core.acceptSession(0, { headers: [] })),
    ],
    expect: ["request 0", "write 0 200", 'datagram 0 "y"', 'stream 6 of 0 "x"'],
    after: kept,
  },
  {
    name: "wait for its answer while its request waits for SETTINGS",
    steps: [sends(0, connectRequest()), ...toServer.steps, ...serverReady],
    expect: ["ready draft-02", "request 0", "write 0 200", ...toServer.arrive],
    after: kept,
    whole: true,
  },
  {
    name: "wait for the answer of a server, in whatever turns they come",
    options: { role: "client" },
    before: asked,
    steps: [...toClient.steps, waits(60_000), sends(0, accepted)],
    expect: ["accepted 0", ...toClient.arrive],
    after: kept,
    whole: true,
  },
  {
    name: "are refused when the answer is no",
    options: { role: "client" },
    before: asked,
    steps: [
      together(sends(7, uniStream(0)), datagram(wire("00", ascii("1"))), sends(0, headers([":status", "404"]), true)),
    ],
    expect: ["rejected 0 404", "stop 7 WT_BUFFERED_STREAM_REJECTED", "write 0 fin"],
    after: ({ core }) => expect(core.counts).toEqual(nothingKept),
  },
]);

tryRows("limits of what waits for its session", [
  {
    name: "the newest streams are refused at the end of the turn when nobody has asked for their session",
    before: sessionOpen,
    steps: [
      together(
        ...Array.from({ length: 26 }, (_, index) => sends(6 + 4 * index, uniStream(8))),
        calls(({ core }) => expect(core.counts.parkedStreams).toBe(26)),
      ),
    ],
    expect: [24, 25].map((index) => `stop ${6 + 4 * index} WT_BUFFERED_STREAM_REJECTED`),
    after: ({ core }) => expect(core.counts.parkedStreams).toBe(24),
  },
  {
    name: "the oldest datagrams are dropped at the end of the turn when nobody has asked for their session",
    options: { limits: { maxParkedDatagrams: 2 } },
    before: serverReady,
    steps: [
      together(...["1", "2", "3", "4"].map((text) => datagram(wire("00", ascii(text))))),
      sends(0, connectRequest()),
    ],
    expect: ["request 0", "write 0 200", 'datagram 0 "3"', 'datagram 0 "4"'],
  },
  {
    name: "past 256 datagrams of a session the oldest are dropped",
    options: { accepts: false },
    before: [...serverReady, sends(0, connectRequest())],
    steps: [
      ...Array.from({ length: 258 }, (_, index) => datagram(wire("00", ascii(String(index))))),
      calls(({ core }) => core.acceptSession(0, { headers: [] })),
    ],
    expect: ["write 0 200", ...Array.from({ length: 256 }, (_, index) => `datagram 0 "${index + 2}"`)],
  },
  {
    name: "past so many bytes of datagrams of a session the oldest are dropped",
    options: { accepts: false, limits: { maxEarlyDatagramBytes: 3 } },
    before: [...serverReady, sends(0, connectRequest())],
    steps: [
      ...["aa", "bb", "c"].map((text) => datagram(wire("00", ascii(text)))),
      calls(({ core }) => core.acceptSession(0, { headers: [] })),
    ],
    expect: ["write 0 200", 'datagram 0 "bb"', 'datagram 0 "c"'],
  },
  {
    name: "past so many bytes of all streams the one that brings more is refused",
    options: { accepts: false, limits: { maxParkedBytes: 4 } },
    before: [...serverReady, sends(0, connectRequest())],
    steps: [
      sends(6, uniStream(0, ascii("ab"))),
      sends(10, uniStream(0, ascii("c"))),
      sends(6, ascii("def")),
      sends(4, bidiStream(0, ascii("gh")), true),
      calls(({ core }) => core.acceptSession(0, { headers: [] })),
    ],
    expect: ["stop 6 WT_BUFFERED_STREAM_REJECTED", "write 0 200", 'stream 10 of 0 "c"', 'stream 4 of 0 "gh" fin'],
  },
]);

const goaway = (id: number): Step => sends(3, frame(FrameType.goaway, id));

tryRows("GOAWAY of a server", [
  {
    name: "ends the request that it names, and what waits for it: it can be made anew elsewhere",
    options: { role: "client" },
    before: asked,
    steps: [sends(7, uniStream(0)), goaway(0), sends(0, accepted)],
    expect: [
      ...["goaway", "rejected 0 H3_REQUEST_REJECTED", "stop 7 WT_BUFFERED_STREAM_REJECTED"],
      ...["reset 0 H3_REQUEST_CANCELLED", "stop 0 H3_REQUEST_CANCELLED"],
    ],
    after: ({ core }) => expect(core.counts).toEqual(nothingKept),
  },
  {
    name: "ends the request when its second id does, which is lower",
    options: { role: "client" },
    before: asked,
    steps: [goaway(4), goaway(0)],
    expect: [
      ...["goaway", "goaway", "rejected 0 H3_REQUEST_REJECTED"],
      ...["reset 0 H3_REQUEST_CANCELLED", "stop 0 H3_REQUEST_CANCELLED"],
    ],
  },
  {
    name: "lets the requests below its id be answered",
    options: { role: "client" },
    before: asked,
    steps: [goaway(4), sends(0, accepted)],
    expect: ["goaway", "accepted 0"],
  },
  {
    name: "ends no session that is open",
    options: { role: "client" },
    before: [...asked, sends(0, accepted)],
    steps: [goaway(0), sends(7, uniStream(0), true)],
    expect: ["goaway", 'stream 7 of 0 "" fin'],
  },
]);
