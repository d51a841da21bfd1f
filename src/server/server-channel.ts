import { channel } from "node:diagnostics_channel";

/**
 * The diagnostics channel of servers that are made: `{ server: WebTransportServer }`, before it listens. For tools that
 * begin when there is no server yet.
 */
export const serverCreated = channel("tswebtransport:server_created");
