/** What the W3C's class needs beside the exports of the client's entry point. */
export { clientOptionNames } from "./client-config.ts";
export { nearestName } from "../base/nearest-name.ts";
export type { CreateStreamOptions, ReceiveSide, SendGroup, SendSide } from "../transport/types.ts";
export { Deferred, quiet, rejected } from "../async/promises.ts";
export { quietReadable, quietWritable } from "../transport/streams/web-streams.ts";
