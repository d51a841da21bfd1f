import { describe, expect, it } from "vitest";

import { FrameType } from "../../../../src/constants/http3.ts";
import type { ConnectionInfo } from "../../../../src/engine/engine.ts";
import { defaultLimits } from "../../../../src/protocol/limits.ts";
import { decodeFieldSection } from "../../../../src/protocol/qpack/field-section.ts";
import { makeConnection } from "../../../../src/transport/connection/make-connection.ts";
import type { ConnectionOwner, PlainRequest } from "../../../../src/transport/connection/owner.ts";
import { control, data, getFields, headers, wire } from "../../protocol/wire.ts";
import { FakeQuic } from "../fake-quic.ts";

const info: ConnectionInfo = {
  alpn: "h3",
  serverName: undefined,
  remoteAddress: { host: "127.0.0.1", port: 2, family: 4 },
  peerCertificates: [],
  maxDatagramSize: 1200,
  resetStreamAt: false,
  handshakeDuration: 1,
};

/** What a server's connection writes on a stream that a client sends GET on. */
function answerTo(owner: Partial<ConnectionOwner>): { written: () => Uint8Array; status: () => string | undefined } {
  const quic = new FakeQuic();
  const { listener } = makeConnection({ role: "server", quic, info, owner });
  for (const [streamId, bytes] of [
    [2, control()],
    [0, headers(...getFields)],
  ] as const) {
    listener.streamOpened(streamId);
    listener.data(streamId, bytes, streamId === 0);
  }
  const written = (): Uint8Array =>
    wire(...quic.written.filter((each) => each.streamId === 0).map(({ bytes }) => bytes));
  return {
    written,
    status: () => {
      const [type, length = 0, ...rest] = written();
      expect(type).toBe(FrameType.headers);
      return decodeFieldSection(Uint8Array.from(rest.slice(0, length)), defaultLimits)[0]?.[1];
    },
  };
}

describe("A request that asks for no session", () => {
  it("is answered 404 where nobody answers it", () => {
    expect(answerTo({}).status()).toBe("404");
  });

  it("is the owner's to answer, then or later", () => {
    let request: PlainRequest | undefined;
    const answer = answerTo({
      plainRequest: (given) => {
        request = given;
      },
    });
    expect(answer.written()).toHaveLength(0);
    expect(request?.headers).toEqual(getFields);
    expect(request?.remoteAddress.port).toBeGreaterThan(0);
    request?.respond({ status: 200, headers: [] }, Uint8Array.of(1, 2));
    expect(answer.status()).toBe("200");
    expect([...answer.written().slice(-4)]).toEqual([...data("0102")]);
  });
});
