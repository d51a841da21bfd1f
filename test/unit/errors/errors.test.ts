import { describe, expect, it } from "vitest";

import { ErrorCodes } from "../../../src/constants/error-codes.ts";
import * as errors from "../../../src/errors/errors.ts";

const {
  CertificateError,
  ConfigurationError,
  ConnectionError,
  DatagramError,
  FlowControlError,
  HttpError,
  SessionError,
  StreamError,
  TimeoutError,
  WebTransportError,
  errorCatalogue,
  getErrorCategory,
  isFatalError,
  isRetriableError,
} = errors;

describe("WebTransportError", () => {
  it("carries code, wire code, details and cause", () => {
    const cause = new Error("below");
    const error = new StreamError("reset", { code: "ERR_WT_STREAM_RESET", streamErrorCode: 7, streamId: 4, cause });
    expect(error).toBeInstanceOf(WebTransportError);
    expect(error.name).toBe("StreamError");
    expect(error.code).toBe("ERR_WT_STREAM_RESET");
    expect(error.streamErrorCode).toBe(7);
    expect(error.streamId).toBe(4);
    expect(error.cause).toBe(cause);
  });

  it("has a default code and wire code per class", () => {
    expect(new TimeoutError("late").errorCode).toBe(ErrorCodes.APP_CONNECTION_TIMEOUT);
    expect(new TimeoutError("late").code).toBe("ERR_WT_TIMEOUT");
    expect(new HttpError(404).message).toBe("HTTP status 404");
    expect(new ConfigurationError("bad", { configKey: "bindPort", configValue: -1 }).configValue).toBe(-1);
  });

  it("toJSON() is serialisable whatever the details are", () => {
    const loop: Record<string, unknown> = {};
    loop["self"] = loop;
    const details = { big: 2n ** 60n, loop, nested: { big: 1n } };
    const error = new DatagramError("too large", { datagramSize: 2000, maxSize: 1200, details, cause: new Error("x") });
    const json: unknown = JSON.parse(JSON.stringify(error));
    expect(json).toMatchObject({
      name: "DatagramError",
      code: "ERR_WT_DATAGRAM_TOO_LARGE",
      message: "too large",
      datagramSize: 2000,
      maxSize: 1200,
      cause: "Error: x",
    });
  });

  it("uses only the code's own class for every code of the catalogue", () => {
    const classes = Object.entries(errors).filter(([name]) => name.endsWith("Error"));
    for (const { class: name } of Object.values(errorCatalogue)) {
      expect(classes.map(([exported]) => exported)).toContain(name);
    }
  });
});

describe("the helpers", () => {
  it("isFatalError() tells what cannot succeed without a change", () => {
    expect(isFatalError(new CertificateError("bad"))).toBe(true);
    expect(isFatalError(new StreamError("reset"))).toBe(false);
    expect(isFatalError(new Error("foreign"))).toBe(false);
  });

  it("isRetriableError() tells what may succeed later", () => {
    expect(isRetriableError(new ConnectionError("lost"))).toBe(true);
    expect(isRetriableError(new HttpError(503))).toBe(true);
    expect(isRetriableError(new HttpError(404))).toBe(false);
    expect(isRetriableError("foreign")).toBe(false);
  });

  it("getErrorCategory() is the class's name in short", () => {
    expect(getErrorCategory(new SessionError("gone"))).toBe("session");
    expect(getErrorCategory(new WebTransportError("any"))).toBe("unknown");
    expect(getErrorCategory(new FlowControlError("any"))).toBe("flow_control");
    expect(getErrorCategory(undefined)).toBe("unknown");
  });
});
