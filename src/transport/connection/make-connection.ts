import type { ConnectionInfo, ConnectionListener, QuicConnection } from "../../engine/engine.ts";

import { WebTransportConnection } from "./connection.ts";
import { ConnectionDriver } from "./connection-driver.ts";
import type { ConnectionOwner } from "./owner.ts";
import { connectionSettings } from "./settings.ts";
import type { ConnectionSettings } from "./settings.ts";

export interface ConnectionOptions {
  readonly role: "client" | "server";
  /** The engine's connection, or (a client) how to make it with the listener given. */
  readonly quic: QuicConnection | ((listener: ConnectionListener) => QuicConnection);
  /** Of a connection whose handshake has completed (a server's). */
  readonly info?: ConnectionInfo;
  /** Answers session requests and keeps account. */
  readonly owner?: Partial<ConnectionOwner>;
  /** Of {@link connectionSettings}. Default: those of no options. */
  readonly settings?: ConnectionSettings;
}

/** In a file of its own, so that who imports the class, to name it, does not read the protocol core. */
export function makeConnection(options: ConnectionOptions): WebTransportConnection {
  const { role, owner = {}, quic, info, settings = connectionSettings({}) } = options;
  const drive = (connection: WebTransportConnection): ConnectionDriver =>
    new ConnectionDriver(connection, owner, role, settings);
  const connection = new WebTransportConnection(role, settings.events, drive);
  connection.attach(quic, info);
  return connection;
}
