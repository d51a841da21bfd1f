import { describe, expect, it, vi } from "vitest";

import { FrameType } from "../../../../src/constants/http3.ts";
import { defaultLimits } from "../../../../src/protocol/limits.ts";
import { decodeFieldSection } from "../../../../src/protocol/qpack/field-section.ts";
import { WebTransportConnection } from "../../../../src/transport/connection/connection.ts";
import type { ConnectionOwner, PlainRequest } from "../../../../src/transport/connection/owner.ts";
import { control, data, getFields, headers, wire } from "../../protocol/wire.ts";
import { Link } from "../linked-quic.ts";

/** What a server's connection writes on a stream that a client sends GET on. */
function answerTo(owner: Partial<ConnectionOwner>): { written: () => Uint8Array; status: () => string | undefined } {
  const { server: quic } = new Link();
  const written: Uint8Array[] = [];
  vi.spyOn(quic, "write").mockImplementation((streamId, bytes) => {
    if (streamId === 0) written.push(Uint8Array.from(bytes));
    return bytes.length;
  });
  const { listener } = new WebTransportConnection({ role: "server", quic, info: quic.info(), owner });
  for (const [streamId, bytes] of [
    [2, control()],
    [0, headers(...getFields)],
  ] as const) {
    listener.streamOpened(streamId);
    listener.data(streamId, bytes, streamId === 0);
  }
  return {
    written: () => wire(...written),
    status: () => {
      const [type, length = 0, ...rest] = written[0] ?? [];
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
