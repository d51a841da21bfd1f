import { describe, expect, it } from "vitest";

import { WireCodes } from "../../../../src/constants/wire-codes.ts";
import { ProtocolConnection } from "../../../../src/protocol/connection.ts";
import type { ProtocolOutput } from "../../../../src/protocol/output.ts";
import { connectRequest, control, data, getFields, headers, uniStream, wire } from "../wire.ts";

const post = headers([":method", "POST"], ...getFields.slice(1), ["content-length", "5"]);

/** A server's core that answers nothing by itself. */
class Server {
  readonly core = new ProtocolConnection("server");
  #now = 0;

  constructor() {
    this.receives(2, control());
  }

  receives(streamId: number, bytes: Uint8Array<ArrayBuffer>, fin = false): readonly ProtocolOutput[] {
    this.core.handleStreamOpened(streamId, this.#now);
    return this.continues(streamId, bytes, fin);
  }

  continues(streamId: number, bytes: Uint8Array<ArrayBuffer>, fin = false): readonly ProtocolOutput[] {
    this.core.handleStreamData(streamId, Uint8Array.from(bytes), fin, this.#now);
    return this.outputs();
  }

  outputs(): readonly ProtocolOutput[] {
    const outputs: ProtocolOutput[] = [];
    for (let output = this.core.pollOutput(); output !== undefined; output = this.core.pollOutput())
      outputs.push(output);
    return outputs;
  }
}

const types = (outputs: readonly ProtocolOutput[]): readonly string[] => outputs.map(({ type }) => type);
const body = (outputs: readonly ProtocolOutput[]): string =>
  outputs.map((output) => (output.type === "requestData" ? Buffer.from(output.data).toString() : "")).join("");

describe("A request that is no session", () => {
  it("is told with its fields, and nothing of its body is read before somebody asks for it", () => {
    const server = new Server();
    const [told, ...rest] = server.receives(0, wire(post, data("68"), data(Buffer.from("ello").toString("hex"))), true);
    expect(told).toMatchObject({ type: "request", streamId: 0 });
    expect(rest).toEqual([]);
    server.core.readRequest(0);
    const read = server.outputs();
    expect(body(read)).toBe("hello");
    expect(types(read)).toEqual(["requestData", "requestData", "requestEnded"]);
  });

  it("is given credit for its body only as it is used up", () => {
    const server = new Server();
    server.receives(0, headers(...getFields));
    server.core.readRequest(0);
    const bytes = new Uint8Array(20_000);
    expect(types(server.continues(0, data(bytes)))).toEqual(["requestData"]);
    server.core.consumeRequest(0, 20_000);
    const [grant] = server.outputs();
    expect(grant).toMatchObject({ type: "grant", streamId: 0 });
  });

  it("is given no credit while nobody answers: QUIC bounds what is held", () => {
    const server = new Server();
    server.receives(0, headers(...getFields));
    for (let index = 0; index < 4; index += 1) expect(server.continues(0, data(new Uint8Array(16_384)))).toEqual([]);
  });

  it("hands out bytes that own their ArrayBuffer", () => {
    const server = new Server();
    server.receives(0, wire(headers(...getFields), data("0102")));
    server.core.readRequest(0);
    const [piece] = server.outputs();
    expect(piece?.type === "requestData" && piece.data.buffer.byteLength).toBe(2);
  });

  it("is answered with a body, in one DATA frame", () => {
    const server = new Server();
    server.receives(0, headers(...getFields), true);
    server.core.respond(0, { status: 200, headers: [["content-type", "text/plain"]] }, Uint8Array.of(1, 2));
    const [head, content, ...rest] = server.outputs();
    expect(head).toMatchObject({ type: "write", streamId: 0, fin: false });
    expect(content).toEqual({ type: "write", streamId: 0, data: data("0102"), fin: true });
    expect(rest).toEqual([]);
  });

  it("is answered once: a second answer, and one behind the peer's reset, change nothing", () => {
    const server = new Server();
    server.receives(0, headers(...getFields), true);
    const answer = (): void => {
      server.core.respond(0, { status: 204, headers: [] });
    };
    answer();
    expect(types(server.outputs())).toEqual(["write"]);
    answer();
    server.receives(4, headers(...getFields));
    server.core.handleStreamReset(4, { code: 0n, finalSize: 0, reliableSize: 0 }, 0);
    server.outputs();
    server.core.respond(4, { status: 204, headers: [] });
    expect(server.outputs()).toEqual([]);
  });

  it("is read on and dropped once it is answered, and still judged", () => {
    const server = new Server();
    server.receives(0, wire(post, data("01")));
    server.core.respond(0, { status: 404, headers: [] });
    expect(types(server.outputs())).toEqual(["write"]);
    expect(server.continues(0, data("02030405"), true)).toEqual([]);
    server.receives(4, wire(post, data("01")));
    server.core.respond(4, { status: 404, headers: [] });
    server.outputs();
    expect(server.continues(4, headers([":path", "/"]))).toEqual([
      { type: "stop", streamId: 4, code: WireCodes.H3_MESSAGE_ERROR },
    ]);
  });

  it("is told to be over when the peer gives it up or breaks a rule before the answer", () => {
    const server = new Server();
    server.receives(0, post);
    server.core.handleStreamReset(0, { code: 7n, finalSize: 0, reliableSize: 0 }, 0);
    expect(server.outputs()[0]).toEqual({ type: "requestAborted", streamId: 0, code: 7n });
    server.receives(4, post);
    server.core.readRequest(4);
    const outputs = server.continues(4, data("01"), true);
    expect(types(outputs)).toEqual(["requestData", "requestAborted", "reset"]);
    expect(outputs[1]).toMatchObject({ code: WireCodes.H3_MESSAGE_ERROR });
  });

  it("is no session that a stream could wait for", () => {
    const server = new Server();
    server.receives(0, headers(...getFields));
    expect(server.receives(6, uniStream(0))).toEqual([
      { type: "stop", streamId: 6, code: WireCodes.WT_BUFFERED_STREAM_REJECTED },
    ]);
  });

  it("is forgotten when it is over", () => {
    const server = new Server();
    const before = server.core.ungrantedStreams;
    for (let streamId = 0; streamId < 40; streamId += 4) {
      server.receives(streamId, wire(post, data("0102030405")), true);
      server.core.readRequest(streamId);
      server.core.respond(streamId, { status: 200, headers: [] });
      server.outputs();
    }
    expect(server.core.ungrantedStreams).toBe(before);
    expect(server.core.nextTimeout()).toBeUndefined();
  });
});

it("A session request that has ended before it is rejected is forgotten with its answer", () => {
  const server = new Server();
  const before = server.core.ungrantedStreams;
  expect(types(server.receives(0, connectRequest(), true))).toEqual(["sessionRequest"]);
  server.core.rejectSession(0, { status: 403, headers: [] });
  expect(types(server.outputs())).toEqual(["write"]);
  expect(server.core.ungrantedStreams).toBe(before);
  expect(server.core.counts.sessions).toBe(0);
});
