import { expect } from "vitest";

import { FrameType, SettingId, StreamType } from "../../../../src/constants/http3.ts";
import { calls, datagram, finishes, resets, sends, serverReady, stops, waits } from "../core-bench.ts";
import { connectRequest, control, frame, grease, headers, plainSettings, settings, uniStream, wire } from "../wire.ts";
import type { SettingPairs } from "../wire.ts";

import { tryRows } from "./rows.ts";
import type { Row } from "./rows.ts";

const roles = ["server", "client"] as const;
type Role = (typeof roles)[number];

/** The peer's unidirectional stream of this ordinal. */
function uni(role: Role, ordinal = 0): number {
  return (role === "server" ? 2 : 3) + 4 * ordinal;
}

function begins(name: string, first: Uint8Array): (role: Role) => Row {
  return (role) => ({
    name: `a control stream that begins with ${name} ends the connection`,
    steps: [sends(uni(role), wire(StreamType.control, first))],
    expect: ["close H3_MISSING_SETTINGS"],
  });
}

function onControl(name: string, bytes: Uint8Array, code: string): (role: Role) => Row {
  return (role) => ({
    name: `${name} on the control stream ends the connection with ${code}`,
    before: [sends(uni(role), control())],
    steps: [sends(uni(role), bytes)],
    expect: [`close ${code}`],
  });
}

function ignoredOnControl(name: string, bytes: Uint8Array): (role: Role) => Row {
  return (role) => ({
    name: `${name} on the control stream is ignored`,
    before: [sends(uni(role), control())],
    steps: [sends(uni(role), bytes)],
    expect: [],
  });
}

function badSettings(name: string, code: string, ...pairs: SettingPairs): (role: Role) => Row {
  return (role) => ({
    name: `SETTINGS with ${name} end the connection with ${code}`,
    steps: [sends(uni(role), wire(StreamType.control, settings(...pairs)))],
    expect: [`close ${code}`],
  });
}

const manySettings: SettingPairs = Array.from({ length: 129 }, (_, index) => [0x1f * (index + 100) + 0x21, 1]);
const someSettings = settings(...plainSettings);

const ofBoth: readonly ((role: Role) => Row)[] = [
  begins("DATA", frame(FrameType.data, "00")),
  begins("HEADERS", headers([":status", "200"])),
  begins("GOAWAY", frame(FrameType.goaway, 0)),
  begins("a frame of greasing", frame(grease.frame, "0102")),
  begins("MAX_PUSH_ID", frame(FrameType.maxPushId, 0)),
  onControl("a second SETTINGS", settings(), "H3_FRAME_UNEXPECTED"),
  onControl("DATA", frame(FrameType.data, "00"), "H3_FRAME_UNEXPECTED"),
  onControl("HEADERS", headers([":status", "200"]), "H3_FRAME_UNEXPECTED"),
  onControl("PUSH_PROMISE", frame(FrameType.pushPromise, 0, "0000"), "H3_FRAME_UNEXPECTED"),
  ...[2, 3, 4, 5].map((id) => badSettings(`HTTP/2's 0x0${id}`, "H3_SETTINGS_ERROR", [id, 1])),
  badSettings("a known id twice", "H3_SETTINGS_ERROR", [SettingId.h3Datagram, 1], [SettingId.h3Datagram, 1]),
  badSettings("an unknown id twice", "H3_SETTINGS_ERROR", [grease.setting, 1], [grease.setting, 2]),
  (role) => ({
    name: "SETTINGS with an id twice, once in a longer encoding, end the connection with H3_SETTINGS_ERROR",
    steps: [sends(uni(role), wire(0, frame(FrameType.settings, "33 01", "c000000000000033 01")))],
    expect: ["close H3_SETTINGS_ERROR"],
  }),
  badSettings("ENABLE_CONNECT_PROTOCOL of 2", "H3_SETTINGS_ERROR", [SettingId.enableConnectProtocol, 2]),
  badSettings("H3_DATAGRAM of 2", "H3_SETTINGS_ERROR", [SettingId.h3Datagram, 2]),
  badSettings("ENABLE_WEBTRANSPORT of 2", "H3_SETTINGS_ERROR", [SettingId.enableWebTransport, 2]),
  badSettings("129 ids", "H3_EXCESSIVE_LOAD", ...manySettings),
  (role) => ({
    name: "SETTINGS that end inside a pair end the connection with H3_FRAME_ERROR",
    steps: [sends(uni(role), wire(0, frame(FrameType.settings, "0801 33")))],
    expect: ["close H3_FRAME_ERROR"],
  }),
  (role) => ({
    name: "SETTINGS that end inside a varint end the connection with H3_FRAME_ERROR",
    steps: [sends(uni(role), wire(0, frame(FrameType.settings, "0801 ab6037")))],
    expect: ["close H3_FRAME_ERROR"],
  }),
  (role) => ({
    name: "SETTINGS whose length is one byte short end the connection with H3_FRAME_ERROR",
    steps: [sends(uni(role), wire(0, FrameType.settings, 3, "0801 3301"))],
    expect: ["close H3_FRAME_ERROR"],
  }),
  (role) => ({
    name: "SETTINGS whose length is one byte long swallow the next frame's type and end the connection",
    steps: [sends(uni(role), wire(0, FrameType.settings, 5, "0801 3301", frame(FrameType.goaway, 0)))],
    expect: ["close H3_FRAME_ERROR"],
  }),
  (role) => ({
    name: "SETTINGS of 2^62 - 1 bytes end the connection before any of them is kept",
    steps: [sends(uni(role), wire(0, FrameType.settings, 2n ** 62n - 1n))],
    expect: ["close H3_EXCESSIVE_LOAD"],
  }),
  (role) => ({
    name: "SETTINGS of 1 MiB end the connection with H3_EXCESSIVE_LOAD",
    steps: [sends(uni(role), wire(0, FrameType.settings, 2 ** 20, new Uint8Array(1000)))],
    expect: ["close H3_EXCESSIVE_LOAD"],
  }),
  (role) => ({
    name: "SETTINGS in encodings that are longer than needed are accepted",
    steps: [sends(uni(role), wire("c000000000000000", "4004", 18, "4008 4001", "80000033 01", "c00000002b603742 01"))],
    expect: ["ready draft-02"],
  }),
  (role) => ({
    name: "SETTINGS with greasing and obsolete ids are accepted",
    steps: [sends(uni(role), wire(0, settings(...plainSettings, [grease.setting, 7], [0xffd277, 1], [0x2b603743, 1])))],
    expect: ["ready draft-02"],
  }),
  (role) => ({
    name: "a second control stream ends the connection with H3_STREAM_CREATION_ERROR",
    before: [sends(uni(role), control())],
    steps: [sends(uni(role, 1), wire(0, someSettings))],
    expect: ["close H3_STREAM_CREATION_ERROR"],
  }),
  ...[StreamType.qpackEncoder, StreamType.qpackDecoder].flatMap((type) => [
    (role: Role): Row => ({
      name: `a second QPACK stream of type ${type} ends the connection with H3_STREAM_CREATION_ERROR`,
      before: [sends(uni(role), control()), sends(uni(role, 1), wire(type))],
      steps: [sends(uni(role, 2), wire(type))],
      expect: ["close H3_STREAM_CREATION_ERROR"],
    }),
    (role: Role): Row => ({
      name: `FIN on the QPACK stream of type ${type} ends the connection`,
      before: [sends(uni(role), control())],
      steps: [sends(uni(role, 1), wire(type), true)],
      expect: ["close H3_CLOSED_CRITICAL_STREAM"],
    }),
    (role: Role): Row => ({
      name: `a reset of the QPACK stream of type ${type} ends the connection`,
      before: [sends(uni(role), control())],
      steps: [sends(uni(role, 1), wire(type)), resets(uni(role, 1))],
      expect: ["close H3_CLOSED_CRITICAL_STREAM"],
    }),
  ]),
  (role) => ({
    name: "FIN on the control stream ends the connection",
    before: [sends(uni(role), control())],
    steps: [finishes(uni(role))],
    expect: ["close H3_CLOSED_CRITICAL_STREAM"],
  }),
  (role) => ({
    name: "a reset of the control stream ends the connection",
    before: [sends(uni(role), control())],
    steps: [resets(uni(role))],
    expect: ["close H3_CLOSED_CRITICAL_STREAM"],
  }),
  (role) => ({
    name: "STOP_SENDING for our control stream ends the connection",
    before: [sends(uni(role), control())],
    steps: [stops(role === "server" ? 3 : 2, 0n)],
    expect: ["close H3_CLOSED_CRITICAL_STREAM"],
  }),
  (role) => ({
    name: "an unknown unidirectional stream is discarded",
    before: [sends(uni(role), control())],
    steps: [sends(uni(role, 1), wire(grease.stream, new Uint8Array(200))), finishes(uni(role, 1))],
    expect: [],
  }),
  (role) => ({
    name: "1000 unknown unidirectional streams are discarded or stopped, and nothing is kept of them",
    whole: true,
    before: [sends(uni(role), control())],
    steps: [
      ...Array.from({ length: 1000 }, (_, index) =>
        sends(uni(role, index + 1), wire(grease.stream, new Uint8Array(64))),
      ),
      ...Array.from({ length: 1000 }, (_, index) => finishes(uni(role, index + 1))),
      sends(uni(role, 1001), wire(grease.stream)),
    ],
    expect: Array.from({ length: 984 }, (_, index) => `stop ${uni(role, index + 17)} H3_STREAM_CREATION_ERROR`),
    after: ({ core }) => expect(core.counts.pendingStreams).toBe(0),
  }),
  ...["", "40", "c0000000"].flatMap((bytes) => [
    (role: Role): Row => ({
      name: `a unidirectional stream that ends after "${bytes}" is ignored`,
      before: [sends(uni(role), control())],
      steps: [sends(uni(role, 1), wire(bytes), true)],
      expect: [],
      after: ({ core }) => expect(core.counts.pendingStreams).toBe(0),
    }),
    (role: Role): Row => ({
      name: `a unidirectional stream that is reset after "${bytes}" is ignored`,
      before: [sends(uni(role), control())],
      steps: [sends(uni(role, 1), wire(bytes)), resets(uni(role, 1))],
      expect: [],
      after: ({ core }) => expect(core.counts.pendingStreams).toBe(0),
    }),
  ]),
  onControl("GOAWAY with a growing id", wire(frame(FrameType.goaway, 4), frame(FrameType.goaway, 8)), ""),
  onControl("CANCEL_PUSH", frame(FrameType.cancelPush, 3), "H3_ID_ERROR"),
  onControl("an empty GOAWAY", frame(FrameType.goaway), "H3_FRAME_ERROR"),
  onControl("GOAWAY with two varints", frame(FrameType.goaway, 0, 0), "H3_FRAME_ERROR"),
  onControl("a truncated GOAWAY", frame(FrameType.goaway, "c000"), "H3_FRAME_ERROR"),
  ...[2, 6, 8, 9].map((type) => onControl(`HTTP/2's frame type 0x0${type}`, frame(type, "00"), "H3_FRAME_UNEXPECTED")),
  onControl("the WT_STREAM signal", wire(FrameType.webTransportStream, 0), "H3_FRAME_ERROR"),
  ignoredOnControl("a frame of greasing without payload", frame(grease.frame)),
  ignoredOnControl("a frame of greasing with 100 KiB", frame(grease.frame, new Uint8Array(102_400))),
  ignoredOnControl("ACCEPT_CH, METADATA and ORIGIN", wire(frame(0x89, "00"), frame(0x4d, "00"), frame(0x0c, "00"))),
  (role) => ({
    name: "more than 1000 frames on the control stream in 10 s end the connection",
    whole: true,
    before: [sends(uni(role), control())],
    steps: [sends(uni(role), wire(...Array.from({ length: 1001 }, () => frame(grease.frame))))],
    expect: ["close H3_EXCESSIVE_LOAD"],
  }),
  (role) => ({
    name: "1000 frames on the control stream every 10 s are accepted",
    whole: true,
    before: [sends(uni(role), control())],
    steps: Array.from({ length: 3 }, () => [
      waits(10_000),
      sends(uni(role), wire(...Array.from({ length: 1000 }, () => frame(grease.frame)))),
    ]).flat(),
    expect: [],
  }),
];

/** GOAWAY is heard before its second one is refused. */
function withGoaway(row: Row): Row {
  return row.name.startsWith("GOAWAY with a growing id")
    ? { ...row, name: "GOAWAY with a growing id ends the connection", expect: ["goaway", "close H3_ID_ERROR"] }
    : row;
}

for (const role of roles) {
  tryRows(
    `a ${role === "server" ? "client" : "server"}'s control streams`,
    ofBoth.map((make) => ({ ...withGoaway(make(role)), options: { role } })),
  );
}

const priority = (type: number, id: number | bigint, value = "u=1"): Uint8Array =>
  frame(type, id, Uint8Array.from(Buffer.from(value)));

tryRows("what only a client may send on its control stream", [
  {
    name: "a push stream of a client ends the connection with H3_STREAM_CREATION_ERROR",
    before: serverReady,
    steps: [sends(6, wire(StreamType.push, 0))],
    expect: ["close H3_STREAM_CREATION_ERROR"],
  },
  {
    name: "MAX_PUSH_ID that shrinks ends the connection with H3_ID_ERROR",
    before: serverReady,
    steps: [sends(2, wire(frame(FrameType.maxPushId, 5), frame(FrameType.maxPushId, 4)))],
    expect: ["close H3_ID_ERROR"],
  },
  {
    name: "MAX_PUSH_ID that stays or grows is accepted",
    before: serverReady,
    steps: [
      sends(2, wire(frame(FrameType.maxPushId, 5), frame(FrameType.maxPushId, 5), frame(FrameType.maxPushId, 6))),
    ],
    expect: [],
  },
  ...[1, 2, 3].map((id) => ({
    name: `PRIORITY_UPDATE for stream ${id} ends the connection with H3_ID_ERROR`,
    before: serverReady,
    steps: [sends(2, priority(FrameType.priorityUpdateRequest, id))],
    expect: ["close H3_ID_ERROR"],
  })),
  {
    name: "PRIORITY_UPDATE for a push ends the connection with H3_ID_ERROR",
    before: serverReady,
    steps: [sends(2, priority(FrameType.priorityUpdatePush, 0))],
    expect: ["close H3_ID_ERROR"],
  },
  {
    name: "PRIORITY_UPDATE without an id ends the connection with H3_FRAME_ERROR",
    before: serverReady,
    steps: [sends(2, frame(FrameType.priorityUpdateRequest))],
    expect: ["close H3_FRAME_ERROR"],
  },
  {
    name: "PRIORITY_UPDATE for a request of the far future is ignored",
    before: serverReady,
    steps: [sends(2, priority(FrameType.priorityUpdateRequest, 2n ** 60n))],
    expect: [],
  },
  {
    name: "PRIORITY_UPDATE with a value that is no dictionary is ignored",
    before: serverReady,
    steps: [sends(2, priority(FrameType.priorityUpdateRequest, 0, '\u0000=;;"'))],
    expect: [],
  },
  {
    name: "a request without SETTINGS is refused after 5 s, and nothing is kept of it",
    steps: [sends(0, connectRequest()), waits(4999), waits(1)],
    expect: ["reset 0 H3_REQUEST_REJECTED", "stop 0 H3_REQUEST_REJECTED"],
    after: ({ core }) => {
      expect(core.counts).toEqual({ sessions: 0, parkedStreams: 0, pendingStreams: 0, strays: 0 });
      expect(core.nextTimeout()).toBeUndefined();
    },
  },
  {
    name: "a request whose SETTINGS come later is offered then",
    steps: [sends(0, connectRequest()), waits(4999), ...serverReady],
    expect: ["ready draft-02", "request 0", "write 0 200"],
  },
]);

tryRows("what a server must not send on its control streams", [
  {
    name: "a push stream without MAX_PUSH_ID ends the connection with H3_ID_ERROR",
    options: { role: "client" },
    before: [sends(3, control())],
    steps: [sends(7, wire(StreamType.push, 0))],
    expect: ["close H3_ID_ERROR"],
  },
  ...[FrameType.maxPushId, FrameType.priorityUpdateRequest, FrameType.priorityUpdatePush].map((type) => ({
    name: `frame type 0x${type.toString(16)} of a server ends the connection with H3_FRAME_UNEXPECTED`,
    options: { role: "client" } as const,
    before: [sends(3, control())],
    steps: [sends(3, frame(type, 0))],
    expect: ["close H3_FRAME_UNEXPECTED"],
  })),
  {
    name: "GOAWAY that names no request ends the connection with H3_ID_ERROR",
    options: { role: "client" },
    before: [sends(3, control())],
    steps: [sends(3, frame(FrameType.goaway, 3))],
    expect: ["close H3_ID_ERROR"],
  },
  {
    name: "GOAWAY with an id that shrinks is accepted",
    options: { role: "client" },
    before: [sends(3, control())],
    steps: [sends(3, wire(frame(FrameType.goaway, 2n ** 62n - 4n), frame(FrameType.goaway, 4)))],
    expect: ["goaway", "goaway"],
  },
  {
    name: "a request of a server ends the connection with H3_STREAM_CREATION_ERROR",
    options: { role: "client" },
    before: [sends(3, control())],
    steps: [sends(1, connectRequest())],
    expect: ["close H3_STREAM_CREATION_ERROR"],
  },
]);

tryRows("a connection that has failed", [
  {
    name: "takes nothing more",
    before: [sends(2, control(frame(FrameType.data)))],
    steps: [
      sends(6, uniStream(0)),
      sends(0, connectRequest()),
      resets(0),
      stops(3, 0n),
      datagram(wire()),
      waits(100_000),
      calls(({ core }) => {
        core.sendGoaway();
        core.closeSession(0, 0, "");
        core.abortSession(0, 0n, "");
      }),
    ],
    expect: [],
  },
]);
