/** What a middleware's answer means for the request: nothing (it goes on) or a rejection. */
import { HttpError } from "../../errors/errors.ts";
import type { Rejection, RejectionKind } from "../../transport/session/request.ts";

import { RejectionResponse } from "./rejection-response.ts";

/** Fields of a message's body, and of HTTP/1.1's connections: RFC 9114 §4.1.2 and §4.2 make them malformed here. */
const bodyAndConnectionFields = [
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** The verdict on what `name` returned; undefined: the request goes on. */
export function judgeResult(result: unknown, name: string): Rejection | undefined {
  if (result === true) return undefined;
  if (result === false) return rejection(403, "middleware", `middleware ${name} has refused the request`);
  if (result instanceof Response) return judgeResponse(result, name);
  const shown = result === null ? "null" : typeof result;
  const reason = `middleware ${name} returned ${shown}: it must return true, false or a Response`;
  return rejection(500, "middleware_error", reason, result);
}

/** The verdict on what `name` threw. */
export function judgeError(error: unknown, name: string): Rejection {
  if (error instanceof Response) return judgeResponse(error, name);
  if (isHttpError(error)) {
    if (!isRefusal(error.status)) return wrongStatus(error.status, name, error);
    const reason = `middleware ${name} has refused the request: ${error.message}`;
    return rejection(error.status, "middleware", reason, error);
  }
  const shown = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return rejection(500, "middleware_error", `middleware ${name} has failed: ${shown}`, error);
}

/** The verdict on a middleware that has not answered for `timeout` milliseconds. */
export function judgeTimeout(timeout: number, name: string): Rejection {
  const reason = `middleware ${name} has not answered for ${timeout} ms: make it faster, or raise middlewareTimeout`;
  return rejection(503, "middleware_timeout", reason);
}

/** By its shape: middleware of a package of its own may throw the HttpError of another copy of this one. */
function isHttpError(error: unknown): error is HttpError {
  if (error instanceof HttpError) return true;
  if (!(error instanceof Error) || error.name !== "HttpError") return false;
  const { code, status } = error as Partial<Record<keyof HttpError, unknown>>;
  return code === "ERR_WT_HTTP_STATUS" && typeof status === "number";
}

function judgeResponse(response: Response, name: string): Rejection {
  // A response that was fetched from elsewhere would keep its connection busy until somebody has read it.
  void response.body?.cancel().catch(() => {
    // Somebody is reading it already.
  });
  if (!isRefusal(response.status)) return wrongStatus(response.status, name, response);
  const headers = new Headers(response.headers);
  for (const field of bodyAndConnectionFields) headers.delete(field);
  if (response instanceof RejectionResponse) {
    const { status, kind, reason, cause } = response;
    return { status, headers, kind, reason, cause };
  }
  const reason = `middleware ${name} has refused the request`;
  return { status: response.status, headers, kind: "middleware", reason, cause: undefined };
}

function wrongStatus(status: number, name: string, cause: unknown): Rejection {
  const advice = "only 300 to 599 refuse a request, and true lets it go on";
  return rejection(500, "middleware_error", `middleware ${name} answered with status ${status}: ${advice}`, cause);
}

function isRefusal(status: number): boolean {
  return Number.isInteger(status) && status >= 300 && status <= 599;
}

function rejection(status: number, kind: RejectionKind, reason: string, cause?: unknown): Rejection {
  return { status, headers: new Headers(), kind, reason, cause };
}
