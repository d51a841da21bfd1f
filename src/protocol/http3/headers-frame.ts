import { FrameType } from "../../constants/http3.ts";
import type { HeaderList } from "../output.ts";
import { encodeFieldSection } from "../qpack/field-section.ts";
import { encodeFrame } from "./frames.ts";

/** A HEADERS frame (RFC 9114 §7.2.2). */
export function encodeHeaders(fields: HeaderList): Uint8Array<ArrayBuffer> {
  return encodeFrame(FrameType.headers, encodeFieldSection(fields));
}
