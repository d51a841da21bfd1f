import { describe, expect, it } from "vitest";

import { StreamError, TimeoutError } from "../../../src/errors/errors.ts";
import { streamFailure } from "../../../src/w3c/transport.ts";

describe("streamFailure()", () => {
  const pending = { over: new Promise<unknown>(() => {}) };

  it("gives a time-out as it is and does not wait for the session's end", async () => {
    const error = new TimeoutError("nothing came", { operation: "read" });
    expect(await streamFailure(error, pending)).toBe(error);
  });

  it("gives the server's reset as a WebTransportError with its code", async () => {
    const error = new StreamError("reset by the peer", { code: "ERR_WT_STREAM_RESET", streamErrorCode: 7 });
    expect(await streamFailure(error, pending)).toMatchObject({ name: "WebTransportError", streamErrorCode: 7 });
  });

  it("gives what has ended the session for everything else", async () => {
    const end = new DOMException("The session was closed", "AbortError");
    expect(await streamFailure(new Error("gone"), { over: Promise.resolve(end) })).toBe(end);
  });
});
