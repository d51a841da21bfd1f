import { WireCodes } from "../constants/wire-codes.ts";
import { EngineError } from "../engine/engine.ts";
import type { ConnectOptions, QuicEndpoint, QuicEngine, TransportOptions } from "../engine/engine.ts";
import { ConnectionError } from "../errors/errors.ts";
import { controlStreamPreamble } from "../protocol/options.ts";
import type { WebTransportConnection } from "../transport/connection/connection.ts";
import { makeConnection } from "../transport/connection/make-connection.ts";
import type { ConnectionSettings } from "../transport/connection/settings.ts";
import { untilAborted } from "../async/promises.ts";

import { explainEngine } from "./connect-errors.ts";

/** A connection whose handshake has completed, on a socket of its own. */
export interface Reached {
  readonly connection: WebTransportConnection;
  readonly endpoint: QuicEndpoint;
}

/** The same for every address. */
export interface ReachOptions {
  readonly engine: QuicEngine;
  readonly connect: Omit<ConnectOptions, "address">;
  readonly port: number;
  readonly transport: TransportOptions;
  readonly settings: ConnectionSettings;
}

/** Completes the handshake with one address. Nothing is left of it when it rejects. */
export async function reach(address: string, options: ReachOptions, signal: AbortSignal): Promise<Reached> {
  const endpoint = await createEndpoint(address, options);
  try {
    signal.throwIfAborted();
    const connect = { ...options.connect, address: { host: address, port: options.port } };
    const connection = makeConnection({
      settings: options.settings,
      role: "client",
      quic: (listener) => endpoint.connect(connect, listener),
    });
    await untilAborted(established(connection), signal);
    return { connection, endpoint };
  } catch (error) {
    await release(endpoint);
    throw error instanceof EngineError ? explainEngine(error) : error;
  }
}

/** Ends everything on the endpoint, its connection, too. */
export function release(endpoint: QuicEndpoint): Promise<void> {
  return endpoint.close(WireCodes.H3_NO_ERROR, "");
}

function established(connection: WebTransportConnection): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.once("connection_established", () => {
      resolve();
    });
    void connection.closed.then((info) => {
      reject(info.clean ? new ConnectionError("The connection was closed during its handshake") : info.error);
    });
  });
}

async function createEndpoint(address: string, options: ReachOptions): Promise<QuicEndpoint> {
  const ipv6 = process.getBuiltinModule("node:net").isIPv6(address);
  const loopback = ipv6 ? address === "::1" : address.startsWith("127.");
  const host = loopback ? (ipv6 ? "::1" : "127.0.0.1") : ipv6 ? "::" : "0.0.0.0";
  const transport: TransportOptions = {
    ...options.transport,
    preamble: [controlStreamPreamble(options.settings.core)],
  };
  try {
    return await options.engine.createEndpoint(
      { host, port: 0, transport },
      { connection: unexpected, failed: ignore },
    );
  } catch (error) {
    throw error instanceof EngineError ? explainEngine(error) : error;
  }
}

function unexpected(): never {
  throw new Error("Invariant broken: an endpoint that only connects was given a connection");
}

function ignore(): void {
  // Every connection has been told before.
}
