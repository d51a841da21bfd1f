import { expect } from "vitest";
import { WireCodes } from "../../../../src/constants/wire-codes.ts";
import { toWireCode } from "../../../../src/protocol/webtransport/error-mapping.ts";
import { calls, datagram, finishes, resets, sends, serverReady, sessionOpen, stops, waits } from "../core-bench.ts";
import { ascii, bidiStream, connectRequest, frame, grease, headers, uniStream, wire } from "../wire.ts";
import { tryRows } from "./rows.ts";

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
