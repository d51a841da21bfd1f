import { expect } from "vitest";
import { calls, clientReady, datagram, sends, serverReady, sessionOpen, together, waits } from "../core-bench.ts";
import type { Step } from "../core-bench.ts";
import { ascii, bidiStream, connectRequest, headers, uniStream, wire } from "../wire.ts";
import { tryRows } from "./rows.ts";

const nothingKept = { sessions: 0, parkedStreams: 0, pendingStreams: 0, strays: 0 };

/** A client whose request on stream 0 is open. */
const asked: readonly Step[] = [
  ...clientReady,
  calls(({ core, now }) => core.openSession(0, { authority: "a", path: "/", headers: [], protocols: ["p"] }, now)),
];

const accepted = headers([":status", "200"]);

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
