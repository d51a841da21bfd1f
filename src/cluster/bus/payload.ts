import { errorText } from "../../base/error-text.ts";

import { fromBytes, toBytes } from "./binary-clone.ts";

/** Larger messages are refused at the call: they would fill a worker's queue by themselves. */
export const maxMessageSize = 4 * 1024 * 1024;

/** Serialised once, whatever the number of receivers. Throws TypeError for what cannot be cloned, RangeError when it is too large. */
export function encodePayload(channel: string, data: unknown): Buffer {
  const payload = serialized(channel, data);
  if (payload.byteLength > maxMessageSize) {
    throw new RangeError(
      `Cannot broadcast on channel "${channel}": the message has ${payload.byteLength} bytes, at most ${maxMessageSize} are allowed`,
    );
  }
  return payload;
}

export function decodePayload(payload: Uint8Array): unknown {
  return fromBytes(payload);
}

function serialized(channel: string, data: unknown): Buffer {
  try {
    return toBytes(data);
  } catch (error) {
    const reason = error instanceof Error ? error.message : errorText(error);
    throw new TypeError(`Cannot broadcast on channel "${channel}": ${reason}`, { cause: error });
  }
}
