import { expect } from "vitest";
import { FrameType } from "../../../../src/constants/http3.ts";
import { WireCodes } from "../../../../src/constants/wire-codes.ts";
import { calls, finishes, resets, sends, serverReady, sessionOpen, stops, waits } from "../core-bench.ts";
import type { CoreBench } from "../core-bench.ts";
import {
  ascii,
  bidiStream,
  closeCapsule,
  connectFields,
  connectRequest,
  data,
  frame,
  getFields,
  headers,
  uniStream,
  wire,
} from "../wire.ts";
import type { Fields } from "../wire.ts";
import { tryRows } from "./rows.ts";
import type { Row } from "./rows.ts";

const refused = (code: string): readonly string[] => [`reset 0 ${code}`, `stop 0 ${code}`];

const malformed = refused("H3_MESSAGE_ERROR");

/** A request that is malformed: it ends alone, and another session goes on. */
function isMalformed(name: string, ...fields: Fields): Row {
  return {
    name: `a request with ${name} is reset as malformed`,
    before: [...serverReady, sends(4, connectRequest())],
    steps: [sends(0, headers(...fields)), sends(6, uniStream(4, ascii("x")), true)],
    expect: [...malformed, 'stream 6 of 4 "x" fin'],
  };
}

function changed(name: string, changes: Readonly<Record<string, string | undefined>>, ...more: Fields): Row {
  const fields = connectFields
    .map(([key, value]) => [key, key in changes ? changes[key] : value] as const)
    .filter((field): field is readonly [string, string] => field[1] !== undefined);
  return isMalformed(name, ...fields, ...more);
}

tryRows("malformed requests", [
  changed("an upper-case field name", {}, ["Accept", "x"]),
  changed("a space in a field name", {}, ["a b", "x"]),
  changed("an empty field name", {}, ["", "x"]),
  changed("a carriage return in a value", {}, ["a", "x\ry"]),
  changed("a line feed in a value", {}, ["a", "x\ny"]),
  changed("NUL in a value", {}, ["a", "x\0y"]),
  changed("a space before a value", {}, ["a", " x"]),
  changed("a tab behind a value", {}, ["a", "x\t"]),
  ...[":method", ":scheme", ":authority", ":path", ":protocol"].map((name) =>
    isMalformed(`${name} twice`, ...connectFields.filter(([key]) => key.startsWith(":")), [
      name,
      connectFields.find(([key]) => key === name)?.[1] ?? "",
    ]),
  ),
  isMalformed("an unknown pseudo-header", [":x", "y"], ...connectFields),
  isMalformed("a response's pseudo-header", [":status", "200"], ...connectFields),
  isMalformed("a pseudo-header behind a field", ["a", "b"], ...connectFields),
  changed("no :method", { ":method": undefined }),
  changed("no :scheme", { ":scheme": undefined }),
  changed("no :path", { ":path": undefined }),
  changed("no :authority", { ":authority": undefined }),
  changed("an empty :authority", { ":authority": "" }),
  changed("host instead of :authority", { ":authority": undefined }, ["host", "example.com"]),
  changed("an empty :path", { ":path": "" }),
  ...[".evil.example/admin", ":444@x", "echo", "*", "?x"].map((path) =>
    changed(`:path "${path}", which would become a part of the host`, { ":path": path }),
  ),
  ...["example.com/admin?", "example.com?x", "example.com#x", "example.com\\admin", "example.com x"].map((authority) =>
    changed(`:authority "${authority}", which is more than a host`, { ":authority": authority }),
  ),
  changed("an empty :protocol", { ":protocol": "" }),
  changed("user information in :authority", { ":authority": "a@example.com" }),
  changed(":authority and host that differ", {}, ["host", "example.org"]),
  changed(":scheme http", { ":scheme": "http" }),
  isMalformed(":scheme and :path but no :protocol", ...connectFields.filter(([name]) => name !== ":protocol")),
  isMalformed(":protocol but method GET", [":protocol", "webtransport"], ...getFields),
  ...["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"].map((name) =>
    changed(`field ${name}`, {}, [name, "x"]),
  ),
  changed("te: gzip", {}, ["te", "gzip"]),
  ...["-5", "+5", "5,5", "", "0x5"].map((value) =>
    isMalformed(`content-length "${value}"`, ...getFields, ["content-length", value]),
  ),
  isMalformed("two content-lengths that differ", ...getFields, ["content-length", "5"], ["content-length", "6"]),
  {
    name: "a request whose body is shorter than its content-length ends alone, behind its answer",
    before: serverReady,
    steps: [sends(0, wire(headers(...getFields, ["content-length", "5"]), data("01020304")), true)],
    expect: ["write 0 404 fin"],
  },
  {
    name: "a request with a pseudo-header in its trailers is reset as malformed",
    before: serverReady,
    steps: [sends(0, wire(headers(...getFields), headers([":path", "/"])))],
    expect: ["write 0 404 fin", "stop 0 H3_MESSAGE_ERROR"],
  },
]);

tryRows("requests that are well-formed", [
  {
    name: "te: trailers, an equal host and equal content-lengths are accepted",
    before: serverReady,
    steps: [
      sends(
        0,
        headers(
          ...getFields,
          ["host", "example.com"],
          ["te", "trailers"],
          ["content-length", "1"],
          ["content-length", "1"],
        ),
      ),
      sends(0, data("00"), true),
    ],
    expect: ["write 0 404 fin"],
  },
  {
    name: "an ordinary CONNECT is answered 501",
    before: serverReady,
    steps: [sends(0, headers([":method", "CONNECT"], [":authority", "example.com:80"]))],
    expect: ["write 0 501 fin", "stop 0 H3_NO_ERROR"],
  },
  {
    name: "an unknown :protocol is answered 501",
    before: serverReady,
    steps: [sends(0, connectRequest({ ":protocol": "websocket" }))],
    expect: ["write 0 501 fin", "stop 0 H3_NO_ERROR"],
  },
  {
    name: "a session request without Origin, or with Origin null, is the application's to judge",
    before: serverReady,
    steps: [sends(0, connectRequest({ origin: undefined })), sends(4, connectRequest({ origin: "null" }))],
    expect: ["request 0", "write 0 200", "request 4", "write 4 200"],
  },
  {
    name: "a field section over the limit is answered 431",
    before: serverReady,
    steps: [sends(0, connectRequest({}, ["x", "y".repeat(65_536)]))],
    expect: ["write 0 431 fin", "refused 431", "stop 0 H3_NO_ERROR"],
  },
  {
    name: "more than 256 fields are answered 431",
    before: serverReady,
    steps: [sends(0, connectRequest({}, ...Array.from({ length: 251 }, () => ["x", "y"] as const)))],
    expect: ["write 0 431 fin", "refused 431", "stop 0 H3_NO_ERROR"],
  },
  {
    name: "64 KiB of references to the static table are answered 431",
    before: serverReady,
    steps: [sends(0, frame(FrameType.headers, "0000", new Uint8Array(65_000).fill(0xd1)))],
    expect: ["write 0 431 fin", "refused 431", "stop 0 H3_NO_ERROR"],
  },
  {
    name: "a plain request beside a session is answered 404 and the session goes on",
    before: sessionOpen,
    steps: [sends(4, headers(...getFields), true), sends(6, uniStream(0), true)],
    expect: ["write 4 404 fin", 'stream 6 of 0 "" fin'],
  },
  {
    name: "a session request whose SETTINGS are known is offered with its subprotocols",
    before: serverReady,
    steps: [sends(0, connectRequest({}, ["wt-available-protocols", '"a", "b"']))],
    expect: ["request 0 [a|b]", "write 0 200"],
  },
]);

tryRows("requests that are taken back, refused or too many", [
  {
    name: "a reset before the answer cancels the request",
    options: { accepts: false },
    before: serverReady,
    steps: [sends(0, connectRequest()), resets(0, WireCodes.H3_REQUEST_CANCELLED)],
    expect: ["request 0", "cancelled 0", "reset 0 H3_REQUEST_CANCELLED"],
    after: ({ core }) => expect(core.counts.sessions).toBe(0),
  },
  ...(["H3_REQUEST_CANCELLED", "H3_NO_ERROR"] as const).flatMap((code) =>
    [headers(...getFields), connectRequest()].map((bytes, index) => ({
      name: `a ${index === 0 ? "request" : "session request"} whose answer was stopped with ${code} before it came is not answered`,
      before: serverReady,
      steps: [calls((bench) => bench.open(0)), stops(0, WireCodes[code]), sends(0, bytes, index === 0)],
      expect: ["stop 0 H3_REQUEST_CANCELLED"],
      after: ({ core }: CoreBench) =>
        expect(core.counts).toEqual({ sessions: 0, parkedStreams: 0, pendingStreams: 0, strays: 0 }),
    })),
  ),
  {
    name: "STOP_SENDING before the answer cancels the request",
    options: { accepts: false },
    before: serverReady,
    steps: [sends(0, connectRequest()), stops(0, WireCodes.H3_REQUEST_CANCELLED)],
    expect: ["request 0", "cancelled 0", "stop 0 H3_REQUEST_CANCELLED"],
    after: ({ core }) => expect(core.counts.sessions).toBe(0),
  },
  {
    name: "one session too many is answered 429, and again allowed when one has ended",
    options: { maxSessions: 2 },
    before: serverReady,
    steps: [
      sends(0, connectRequest()),
      sends(4, connectRequest()),
      sends(8, connectRequest()),
      finishes(0),
      sends(12, connectRequest()),
    ],
    expect: [
      ...["request 0", "write 0 200", "request 4", "write 4 200"],
      ...["write 8 429 fin", "stop 8 H3_NO_ERROR", "refused 429"],
      ...['closed 0 0 "" by peer', "write 0 fin", "request 12", "write 12 200"],
    ],
  },
  {
    name: "an authority that is not served is answered 421, before the limit is looked at, and the sessions go on",
    options: { maxSessions: 1, servesAuthority: (authority) => authority === "example.com" },
    before: serverReady,
    steps: [
      sends(0, connectRequest()),
      sends(4, connectRequest({ ":authority": "other.example" })),
      sends(8, connectRequest()),
      sends(14, uniStream(0), true),
    ],
    expect: [
      ...["request 0", "write 0 200"],
      ...["write 4 421 fin", "stop 4 H3_NO_ERROR", "refused 421"],
      ...["write 8 429 fin", "stop 8 H3_NO_ERROR", "refused 429"],
      'stream 14 of 0 "" fin',
    ],
    after: ({ core }) => expect(core.counts.sessions).toBe(1),
  },
  {
    name: "several origins, equal ones included, are answered 400, before the authority is looked at",
    options: { servesAuthority: (authority) => authority === "example.com" },
    before: serverReady,
    steps: [
      sends(0, connectRequest({}, ["origin", "https://example.org"])),
      sends(4, connectRequest({ origin: "null", ":authority": "other.example" }, ["origin", "null"])),
      sends(8, connectRequest()),
    ],
    expect: [
      ...["write 0 400 fin", "stop 0 H3_NO_ERROR", "refused 400"],
      ...["write 4 400 fin", "stop 4 H3_NO_ERROR", "refused 400"],
      ...["request 8", "write 8 200"],
    ],
  },
  {
    name: "an authority that is not served is answered 421 before the peer's SETTINGS are there",
    options: { servesAuthority: () => false },
    steps: [sends(0, connectRequest())],
    expect: ["write 0 421 fin", "stop 0 H3_NO_ERROR", "refused 421"],
    after: ({ core }) => expect(core.nextTimeout()).toBeUndefined(),
  },
  {
    name: "method, :protocol and :scheme are looked at before the authority",
    options: { servesAuthority: () => false },
    before: serverReady,
    steps: [
      sends(0, headers(...getFields), true),
      sends(4, connectRequest({ ":protocol": "websocket" })),
      sends(8, connectRequest({ ":scheme": "http" })),
    ],
    expect: [
      "write 0 404 fin",
      ...["write 4 501 fin", "stop 4 H3_NO_ERROR"],
      ...["reset 8 H3_MESSAGE_ERROR", "stop 8 H3_MESSAGE_ERROR"],
    ],
  },
  {
    name: "a request behind the final GOAWAY is refused",
    before: serverReady,
    steps: [calls(({ core }) => core.sendGoaway({ final: true })), sends(0, connectRequest())],
    expect: ["write 3 070100", "reset 0 H3_REQUEST_REJECTED", "stop 0 H3_REQUEST_REJECTED"],
  },
  {
    name: "a request that was on its way when GOAWAY went out is served",
    before: serverReady,
    steps: [
      calls(({ core }) => core.sendGoaway()),
      sends(0, connectRequest()),
      waits(1000),
      sends(4, connectRequest()),
      calls(({ core }) => core.sendGoaway({ final: true })),
    ],
    expect: [
      ...["write 3 0708fffffffffffffffc", "request 0", "write 0 200", "write 3 070104"],
      ...["reset 4 H3_REQUEST_REJECTED", "stop 4 H3_REQUEST_REJECTED"],
    ],
  },
  {
    name: "capsules before the answer are dropped when the answer is no",
    options: { accepts: false },
    before: serverReady,
    steps: [
      sends(0, wire(connectRequest(), data(closeCapsule(7)))),
      sends(2, wire()),
      calls(({ core }) => core.rejectSession(0, { status: 403, headers: [] })),
    ],
    expect: ["request 0", "write 0 403 fin", "stop 0 H3_NO_ERROR"],
    after: ({ core }) => {
      expect(core.counts).toEqual({ sessions: 0, parkedStreams: 0, pendingStreams: 0, strays: 0 });
      expect(core.nextTimeout()).toBeUndefined();
    },
  },
  {
    name: "more than 64 KiB before the answer resets the request",
    options: { accepts: false },
    before: serverReady,
    steps: [sends(0, wire(connectRequest(), data(new Uint8Array(65_537))))],
    expect: ["request 0", "cancelled 0", "reset 0 H3_EXCESSIVE_LOAD", "stop 0 H3_EXCESSIVE_LOAD"],
  },
  {
    name: "a stream and a request of a rejected session are refused",
    options: { accepts: false },
    before: serverReady,
    steps: [
      sends(0, connectRequest()),
      sends(4, bidiStream(0, ascii("x"))),
      calls(({ core }) => core.rejectSession(0, { status: 404, headers: [] })),
      sends(6, uniStream(0)),
    ],
    expect: [
      ...["request 0", "write 0 404 fin"],
      ...["stop 4 WT_BUFFERED_STREAM_REJECTED", "reset 4 WT_BUFFERED_STREAM_REJECTED", "stop 0 H3_NO_ERROR"],
      "stop 6 WT_BUFFERED_STREAM_REJECTED",
    ],
  },
]);
