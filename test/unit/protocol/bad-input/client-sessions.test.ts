import { expect } from "vitest";
import { FrameType } from "../../../../src/constants/http3.ts";
import { WireCodes } from "../../../../src/constants/wire-codes.ts";
import { calls, clientReady, datagram, finishes, resets, sends } from "../core-bench.ts";
import type { Step } from "../core-bench.ts";
import { ascii, bidiStream, data, frame, headers, uniStream, wire } from "../wire.ts";
import { tryRows } from "./rows.ts";

const nothingKept = { sessions: 0, parkedStreams: 0, pendingStreams: 0, strays: 0 };

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
