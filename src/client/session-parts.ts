/** What the W3C's interface needs of a session, beside what the client's entry point names. */
export type { CreateStreamOptions, ReceiveSide, SendGroup, SendSide } from "../transport/types.ts";
export { Deferred, quiet, rejected } from "../async/promises.ts";
export { quietReadable, quietWritable } from "../transport/streams/web-streams.ts";
