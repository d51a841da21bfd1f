/** Why an operation on a stream fails, in words. */
import { StreamError, TimeoutError } from "../../errors/errors.ts";
import { fromWireCode } from "../../protocol/webtransport/error-mapping.ts";

/** RESET_STREAM or STOP_SENDING of the peer. */
export function endedByPeer(streamId: number, wireCode: bigint, how: "reset" | "stop"): StreamError {
  const code = fromWireCode(wireCode);
  const shown = code === undefined ? `wire code 0x${wireCode.toString(16)}` : `code ${code}`;
  const text = how === "reset" ? "The peer has reset" : "The peer has stopped reading";
  return new StreamError(`${text} stream ${streamId} with ${shown}`, {
    code: how === "reset" ? "ERR_WT_STREAM_RESET" : "ERR_WT_STREAM_STOPPED",
    errorCode: Number(wireCode),
    streamErrorCode: code ?? null,
    streamId,
    streamState: "reset_received",
  });
}

export function resetHere(streamId: number, code: number): StreamError {
  const text = `Stream ${streamId} was reset here with code ${code}`;
  return new StreamError(text, { code: "ERR_WT_STREAM_RESET", streamId, errorCode: code });
}

export function writtenAfterFinish(streamId: number): StreamError {
  const text = `Cannot write to stream ${streamId}: it has been finished`;
  return new StreamError(text, { streamId, streamState: "half_closed_local" });
}

export function readableTaken(streamId: number): StreamError {
  return new StreamError(`Cannot read stream ${streamId} directly: its readable has been taken`, {
    code: "ERR_WT_STREAM_LOCKED",
    streamId,
  });
}

export function writableTaken(streamId: number): StreamError {
  return new StreamError(`Cannot write to stream ${streamId} directly: its writable has been taken`, {
    code: "ERR_WT_STREAM_LOCKED",
    streamId,
  });
}

export function endedEarly(streamId: number, expected: string, received: number): StreamError {
  return new StreamError(`Stream ${streamId} ended before ${expected} had come: received ${received} bytes`, {
    code: "ERR_WT_STREAM_ENDED_EARLY",
    streamId,
    details: { expected, received },
  });
}

export function tooLong(streamId: number, operation: string, maxBytes: number): StreamError {
  return new StreamError(`Cannot finish ${operation} of stream ${streamId}: maxBytes is ${maxBytes}, more has come`, {
    code: "ERR_WT_STREAM_LIMIT",
    streamId,
    details: { operation, maxBytes },
  });
}

export function readTimedOut(streamId: number, timeout: number): TimeoutError {
  const text = `Nothing to read came on stream ${streamId} for ${timeout} ms`;
  return new TimeoutError(text, { operation: "read", timeoutDuration: timeout });
}

export function writeTimedOut(streamId: number, timeout: number, buffered: number): TimeoutError {
  const text = `Stream ${streamId} took nothing for ${timeout} ms: ${buffered} bytes wait`;
  return new TimeoutError(text, { operation: "write", timeoutDuration: timeout });
}
