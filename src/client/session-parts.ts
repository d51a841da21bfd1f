/** What the W3C's interface needs of a session, beside what the client's entry point names. */
export { clientOptionNames } from "./client-config.ts";
export { nearestName } from "../base/nearest-name.ts";
export type { CreateStreamOptions, ReceiveSide, SendGroup, SendSide } from "../transport/types.ts";
export { Deferred, quiet, rejected } from "../async/promises.ts";
export { quietReadable, quietWritable } from "../transport/streams/web-streams.ts";
