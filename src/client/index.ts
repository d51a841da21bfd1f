/** `tswebtransport/client`. */
export { connect } from "./connect.ts";
export type * from "./connect.ts";
export type { WebTransportSession } from "../session/session.ts";
