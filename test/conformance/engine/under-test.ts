import type { QuicConnection, QuicEngine, SocketAddress } from "../../../src/engine/engine.ts";
import type { ConnectionSettingsInit } from "../../../src/transport/connection/settings.ts";

/** An engine, and what a test must be able to do to the world around it. */
export interface EngineUnderTest {
  readonly engine: QuicEngine;
  /** The time that sessions over the engine go by. */
  readonly time: Pick<ConnectionSettingsInit, "now" | "setTimer">;
  /** How much is much: 1, or less where every byte is an event. */
  readonly scale: number;
  /** A way to the server that can be disturbed: clients connect to `address`. */
  path(server: SocketAddress): Promise<Path>;
  /** Lets `milliseconds` pass where time is virtual; real time passes by itself. */
  elapse(milliseconds: number): Promise<void>;
  close(): Promise<void>;
}

export interface Path {
  readonly address: SocketAddress;
  /** Nothing arrives any more. */
  cut(): void;
  /** The server sees the client at another address from now on. */
  changeAddress(client: QuicConnection): Promise<void>;
}

export type EngineFactory = () => EngineUnderTest;
