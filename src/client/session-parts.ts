/** What the W3C's interface needs of a session, beside what the client's entry point names. */
export type { CreateStreamOptions, ReceiveSide, SendGroup, SendSide } from "../session/types.ts";
export { Deferred, quiet, rejected } from "../session/promises.ts";
export { quietReadable, quietWritable } from "../session/web-streams.ts";
