import { expect } from "vitest";
import { FrameType } from "../../../../src/constants/http3.ts";
import { WireCodes } from "../../../../src/constants/wire-codes.ts";
import { calls, clientReady, finishes, resets, sends, serverReady, sessionOpen, stops, waits } from "../core-bench.ts";
import type { Step } from "../core-bench.ts";
import {
  ascii,
  closeCapsule,
  connectRequest,
  data,
  frame,
  getFields,
  grease,
  headers,
  uniStream,
  wire,
} from "../wire.ts";
import { tryRows } from "./rows.ts";

tryRows("frames on a request stream", [
  {
    name: "DATA before HEADERS ends the connection",
    before: serverReady,
    steps: [sends(0, data("00"))],
    expect: ["close H3_FRAME_UNEXPECTED"],
  },
  {
    name: "DATA behind trailers ends the connection",
    before: serverReady,
    steps: [sends(0, wire(headers(...getFields), data("00"), headers(["x", "y"]), data("00")))],
    expect: ["write 0 404 fin", "close H3_FRAME_UNEXPECTED"],
  },
  {
    name: "a third HEADERS ends the connection",
    before: serverReady,
    steps: [sends(0, wire(headers(...getFields), headers(["x", "y"]), headers(["x", "y"])))],
    expect: ["write 0 404 fin", "close H3_FRAME_UNEXPECTED"],
  },
  {
    name: "FIN without any byte resets the stream",
    before: serverReady,
    steps: [finishes(0)],
    expect: ["stop 0 H3_REQUEST_INCOMPLETE", "reset 0 H3_REQUEST_INCOMPLETE"],
  },
  {
    name: "FIN in the middle of the first frame's type resets the stream",
    before: serverReady,
    steps: [sends(0, wire("40"), true)],
    expect: ["stop 0 H3_REQUEST_INCOMPLETE", "reset 0 H3_REQUEST_INCOMPLETE"],
  },
  {
    name: "FIN behind the WT_STREAM signal alone resets the stream",
    before: serverReady,
    steps: [sends(0, wire(FrameType.webTransportStream), true)],
    expect: ["stop 0 H3_REQUEST_INCOMPLETE", "reset 0 H3_REQUEST_INCOMPLETE"],
  },
  {
    name: "FIN behind a frame of greasing alone resets the stream",
    before: serverReady,
    steps: [sends(0, frame(grease.frame, "00"), true)],
    expect: ["reset 0 H3_REQUEST_INCOMPLETE"],
  },
  {
    name: "FIN in the middle of HEADERS ends the connection",
    before: serverReady,
    steps: [sends(0, connectRequest().subarray(0, -1), true)],
    expect: ["close H3_FRAME_ERROR"],
  },
  {
    name: "FIN in the middle of a frame's header ends the connection",
    before: serverReady,
    steps: [sends(0, wire(FrameType.headers, "40"), true)],
    expect: ["close H3_FRAME_ERROR"],
  },
  {
    name: "FIN in the middle of a frame of greasing ends the connection",
    before: serverReady,
    steps: [sends(0, wire(grease.frame, 100, "0000"), true)],
    expect: ["close H3_FRAME_ERROR"],
  },
  {
    name: "a reset in the middle of a frame is a reset and nothing more",
    before: serverReady,
    steps: [sends(0, connectRequest().subarray(0, -1)), resets(0)],
    expect: ["reset 0 H3_REQUEST_CANCELLED"],
  },
  ...[2, 6, 8, 9].map((type) => ({
    name: `HTTP/2's frame type 0x0${type} ends the connection`,
    before: serverReady,
    steps: [sends(0, frame(type, "00"))],
    expect: ["close H3_FRAME_UNEXPECTED"],
  })),
  ...Object.entries({
    CANCEL_PUSH: FrameType.cancelPush,
    SETTINGS: FrameType.settings,
    PUSH_PROMISE: FrameType.pushPromise,
    GOAWAY: FrameType.goaway,
    MAX_PUSH_ID: FrameType.maxPushId,
    "PRIORITY_UPDATE for a request": FrameType.priorityUpdateRequest,
    "PRIORITY_UPDATE for a push": FrameType.priorityUpdatePush,
  }).map(([name, type]) => ({
    name: `${name} ends the connection`,
    before: serverReady,
    steps: [sends(0, frame(type, 0))],
    expect: ["close H3_FRAME_UNEXPECTED"],
  })),
  {
    name: "frames of greasing between everything are skipped",
    before: serverReady,
    steps: [
      sends(
        0,
        wire(
          frame(grease.frame),
          frame(0x41 + 0x1f * 2 - 3, new Uint8Array(10)),
          frame(0x89),
          connectRequest(),
          frame(grease.frame, new Uint8Array(300)),
          data(closeCapsule(1).subarray(0, 3)),
          frame(grease.frame),
          data(closeCapsule(1).subarray(3)),
          frame(grease.frame),
        ),
        true,
      ),
    ],
    expect: ["request 0", "write 0 200", 'closed 0 1 "" by peer', "write 0 fin"],
  },
  {
    name: "a frame of greasing with 100 KiB is skipped",
    before: serverReady,
    steps: [sends(0, wire(frame(grease.frame, new Uint8Array(102_400)), connectRequest()))],
    expect: ["request 0", "write 0 200"],
  },
  {
    name: "more than 1000 frames without effect, one after the other, end the connection",
    whole: true,
    before: serverReady,
    steps: [sends(0, wire(...Array.from({ length: 1001 }, () => frame(grease.frame))))],
    expect: ["close H3_EXCESSIVE_LOAD"],
  },
  {
    name: "more than 1000 empty DATA frames, one after the other, end the connection",
    whole: true,
    before: sessionOpen,
    steps: [sends(0, wire(...Array.from({ length: 1001 }, () => data())))],
    expect: ["close H3_EXCESSIVE_LOAD"],
  },
  {
    name: "200 requests whose answer nobody wants in 10 s are accepted, one more ends the connection",
    whole: true,
    options: { accepts: false },
    before: serverReady,
    steps: Array.from({ length: 201 }, (_, index) => [
      sends(4 * index, connectRequest()),
      stops(4 * index, WireCodes.H3_REQUEST_CANCELLED),
    ]).flat(),
    expect: [
      ...Array.from({ length: 201 }, (_, index) => [
        `request ${4 * index}`,
        `cancelled ${4 * index}`,
        `stop ${4 * index} H3_REQUEST_CANCELLED`,
      ]).flat(),
      "close H3_EXCESSIVE_LOAD",
    ],
    after: ({ core }) => expect(core.counts).toEqual({ sessions: 0, parkedStreams: 0, pendingStreams: 0, strays: 0 }),
  },
  {
    name: "200 requests that are reset in 10 s are accepted, one more ends the connection",
    whole: true,
    before: serverReady,
    steps: Array.from({ length: 201 }, (_, index) => [
      sends(4 * index, connectRequest().subarray(0, 10)),
      resets(4 * index),
    ]).flat(),
    expect: [
      ...Array.from({ length: 201 }, (_, index) => `reset ${4 * index} H3_REQUEST_CANCELLED`),
      "close H3_EXCESSIVE_LOAD",
    ],
    after: ({ core }) => expect(core.counts).toEqual({ sessions: 0, parkedStreams: 0, pendingStreams: 0, strays: 0 }),
  },
  {
    name: "a request that never completes is ended after 10 s",
    before: serverReady,
    steps: [sends(0, wire(FrameType.headers, 10, "0000")), waits(10_000)],
    expect: ["reset 0 H3_REQUEST_CANCELLED", "stop 0 H3_REQUEST_CANCELLED"],
    after: ({ core }) => expect(core.nextTimeout()).toBeUndefined(),
  },
]);

function requests(streamId: number): Step {
  const request = { authority: "a", path: "/", headers: [], protocols: [] };
  return calls(({ core, now }) => core.openSession(streamId, request, now));
}

/** Limits that a row can reach byte by byte. */
const smallHeaders = { maxHeadersPayload: 100, maxSkippedHeaders: 400 };

tryRows("HEADERS that are too large to be kept", [
  {
    name: "are answered 431 at once, skipped to their end and then wanted no more",
    options: { limits: smallHeaders },
    before: sessionOpen,
    steps: [
      sends(4, frame(FrameType.headers, new Uint8Array(101))),
      sends(8, headers(...getFields), true),
      sends(6, uniStream(0, ascii("neighbour")), true),
    ],
    expect: [
      ...["write 4 431 fin", "refused 431", "stop 4 H3_NO_ERROR", "write 8 404 fin"],
      'stream 6 of 0 "neighbour" fin',
    ],
    after: ({ core }) => {
      expect(core.counts.sessions).toBe(1);
      expect(core.nextTimeout()).toBeUndefined();
    },
  },
  {
    name: "are not mistaken for what stands in them",
    options: { limits: smallHeaders },
    before: serverReady,
    steps: [sends(0, frame(FrameType.headers, connectRequest(), frame(FrameType.settings), new Uint8Array(101)))],
    expect: ["write 0 431 fin", "refused 431", "stop 0 H3_NO_ERROR"],
  },
  {
    name: "may be as large as the limit of what is kept",
    options: { limits: { maxHeadersPayload: connectRequest().length - 2 } },
    before: serverReady,
    steps: [sends(0, connectRequest())],
    expect: ["request 0", "write 0 200"],
  },
  {
    name: "end the connection when they go on for longer than the limit, and not before",
    options: { limits: smallHeaders },
    before: serverReady,
    steps: [
      sends(0, wire(FrameType.headers, 2n ** 62n - 1n, new Uint8Array(400))),
      sends(4, headers(...getFields), true),
      sends(0, wire("00")),
    ],
    expect: ["write 0 431 fin", "refused 431", "write 4 404 fin", "close H3_EXCESSIVE_LOAD"],
  },
  {
    name: "of 65537 bytes are answered 431",
    before: serverReady,
    steps: [sends(0, frame(FrameType.headers, new Uint8Array(65_537)))],
    expect: ["write 0 431 fin", "refused 431", "stop 0 H3_NO_ERROR"],
  },
  {
    name: "of more than 1 MiB end the connection behind their answer",
    whole: true,
    before: serverReady,
    steps: [sends(0, frame(FrameType.headers, new Uint8Array(1_048_577)))],
    expect: ["write 0 431 fin", "refused 431", "close H3_EXCESSIVE_LOAD"],
  },
  {
    name: "that never come to their end are stopped after 10 s",
    options: { limits: smallHeaders },
    before: serverReady,
    steps: [sends(0, wire(FrameType.headers, 101, new Uint8Array(100))), waits(10_000)],
    expect: ["write 0 431 fin", "refused 431", "stop 0 H3_NO_ERROR"],
    after: ({ core }) => expect(core.nextTimeout()).toBeUndefined(),
  },
  {
    name: "are over when the client resets them",
    options: { limits: smallHeaders },
    before: serverReady,
    steps: [sends(0, wire(FrameType.headers, 101, new Uint8Array(100))), resets(0)],
    expect: ["write 0 431 fin", "refused 431"],
    after: ({ core }) => expect(core.nextTimeout()).toBeUndefined(),
  },
  {
    name: "must not end in their middle",
    options: { limits: smallHeaders },
    before: serverReady,
    steps: [sends(0, wire(FrameType.headers, 101, new Uint8Array(100)), true)],
    expect: ["write 0 431 fin", "refused 431", "close H3_FRAME_ERROR"],
  },
  {
    name: "are skipped as trailers, too",
    options: { limits: smallHeaders },
    before: serverReady,
    steps: [
      sends(0, wire(headers(...getFields), data("00"), frame(FrameType.headers, new Uint8Array(101)))),
      sends(4, connectRequest()),
    ],
    expect: ["write 0 404 fin", "stop 0 H3_NO_ERROR", "request 4", "write 4 200"],
  },
  {
    name: "are refused behind the answer to CONNECT, as any are",
    options: { limits: smallHeaders },
    before: sessionOpen,
    steps: [sends(0, wire(FrameType.headers, 101))],
    expect: ["close H3_FRAME_UNEXPECTED"],
  },
  {
    name: "give the session up that a server answers with them, and no other",
    options: { role: "client", limits: smallHeaders },
    before: [...clientReady, ...[0, 4].map(requests), sends(4, headers([":status", "200"]))],
    steps: [
      sends(0, wire(FrameType.headers, 101, new Uint8Array(50))),
      sends(0, new Uint8Array(51)),
      sends(7, uniStream(4, ascii("neighbour")), true),
    ],
    expect: [
      ...["rejected 0 H3_EXCESSIVE_LOAD", "reset 0 H3_EXCESSIVE_LOAD", "stop 0 H3_EXCESSIVE_LOAD"],
      'stream 7 of 4 "neighbour" fin',
    ],
    after: ({ core }) => expect(core.counts.sessions).toBe(1),
  },
  {
    name: "give the session up, too, when it is only their fields that are too large",
    options: { role: "client" },
    before: [...clientReady, ...[0, 4].map(requests), sends(4, headers([":status", "200"]))],
    steps: [
      sends(0, headers([":status", "200"], ["x", "y".repeat(65_536)])),
      sends(7, uniStream(4, ascii("neighbour")), true),
    ],
    expect: [
      ...["rejected 0 H3_EXCESSIVE_LOAD", "reset 0 H3_EXCESSIVE_LOAD", "stop 0 H3_EXCESSIVE_LOAD"],
      'stream 7 of 4 "neighbour" fin',
    ],
  },
]);

tryRows("frames on the stream of an open session", [
  ...Object.entries({
    HEADERS: connectRequest(),
    trailers: headers(["x", "y"]),
    SETTINGS: frame(FrameType.settings),
    GOAWAY: frame(FrameType.goaway, 0),
    PUSH_PROMISE: frame(FrameType.pushPromise, 0, "0000"),
    MAX_PUSH_ID: frame(FrameType.maxPushId, 0),
  }).map(([name, bytes]) => ({
    name: `${name} ends the connection`,
    before: sessionOpen,
    steps: [sends(0, bytes)],
    expect: ["close H3_FRAME_UNEXPECTED"],
  })),
]);
