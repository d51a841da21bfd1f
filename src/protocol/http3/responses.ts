import { FrameType } from "../../constants/http3.ts";
import { WireCodes } from "../../constants/wire-codes.ts";
import type { HeaderList } from "../output.ts";
import type { Outputs } from "../outputs.ts";

import { encodeFrame } from "./frames.ts";
import { encodeHeaders } from "./headers-frame.ts";
import type { RequestStream } from "./request-stream.ts";

export interface Response {
  readonly status: number;
  readonly headers: HeaderList;
}

/** A whole response, unless the peer wants none. */
export function writeResponse(outputs: Outputs, stream: RequestStream, response: Response, body?: Uint8Array): void {
  if (stream.sendEnded) return;
  const { status, headers } = response;
  const hasBody = body !== undefined && body.length > 0;
  outputs.write(stream.id, encodeHeaders([[":status", String(status)], ...headers]), !hasBody);
  if (hasBody) outputs.write(stream.id, encodeFrame(FrameType.data, body), true);
  stream.sendEnded = true;
}

/** RFC 9114 §4.1: a complete response makes the rest of the request unnecessary. */
export function refuseRest(outputs: Outputs, stream: RequestStream): void {
  if (!stream.receiveEnded) outputs.stop(stream.id, WireCodes.H3_NO_ERROR);
}
