/** What the cluster's process and its workers say to each other over Node's IPC channel (structured clone, not JSON). */
import type { ServerConfigOptions } from "../../config/server-config.ts";
import type { SharedKeys } from "../../engine/engine.ts";
import type { ServerStats } from "../../server/server-stats.ts";
import type { Address } from "../../transport/types.ts";
import type { BusStats } from "../bus/message-bus.ts";
import type { EventLoopStats, ForwardingStats, MemoryStats } from "../stats/cluster-stats.ts";

/** The present generation of the keys, and the one before. */
export interface KeyGenerations {
  readonly current: Required<SharedKeys>;
  readonly previous: Required<SharedKeys> | undefined;
}

/** Who gets how many of the new connections of one UDP port. */
export interface Spread {
  /** Slots that take new connections, in order. */
  readonly active: readonly number[];
  /** Of each, as in the engine's `SteeringOptions`. */
  readonly shares: readonly number[];
}

/** The other workers of one UDP port. */
export interface Neighbours extends Spread {
  /** By slot: where its worker takes packets that others have received. */
  readonly relays: readonly (readonly [slot: number, path: string])[];
}

/** A socket of the worker's slot. */
export interface SlotSocket {
  /** As the endpoint's options name it. */
  readonly host: string;
  readonly descriptor: number;
}

export interface StartMessage {
  readonly type: "start";
  /** URL of the application's module. */
  readonly app: string;
  /** What differs from the defaults. */
  readonly config: ServerConfigOptions;
  readonly host: string;
  readonly port: number;
  readonly sockets: readonly SlotSocket[];
  readonly id: number;
  readonly slot: number;
  readonly slots: number;
  readonly newConnections: "anyone" | "hash";
  readonly neighbours: Neighbours;
  readonly keys: KeyGenerations;
  /** Where the worker takes packets that other workers have received: the path of a local socket that it creates. */
  readonly relayPath: string;
  readonly busLimit: number;
  /** How long its sessions have when the cluster's process is gone, and the process after that. */
  readonly closeTimeout: number;
  readonly exitTimeout: number;
}

/** Another worker takes the new connections; end by yourself once your sessions have ended. */
export interface RetireMessage {
  readonly type: "retire";
  /** How long sessions may go on before the server drains. */
  readonly drainTimeout: number;
  /** How long they may go on after that. */
  readonly closeTimeout: number;
}

export interface StopMessage {
  readonly type: "stop";
  /** Other workers take the new connections: they must not be refused here. */
  readonly othersServe: boolean;
  readonly timeout: number;
  readonly code: number;
  readonly reason: string;
}

/** What the cluster may ask a worker for. */
export interface Answers {
  readonly stats: ServerStats;
  readonly issues: string[];
}

export type Question = keyof Answers;

/**
 * A function that a worker is to run: the export `name` of a module, which is loaded then. It gets the app's server and the
 * argument, and its result is cloned.
 */
export interface ModuleCall {
  /** URL. */
  readonly module: string;
  readonly name: string;
  /** Plain data. */
  readonly argument: unknown;
}

export interface BusEnvelope {
  readonly type: "bus";
  readonly channel: string;
  readonly from: string;
  readonly payload: Uint8Array;
}

export type MessageToWorker =
  | StartMessage
  | RetireMessage
  | StopMessage
  | BusEnvelope
  | { readonly type: "neighbours"; readonly neighbours: Neighbours }
  | { readonly type: "spread"; readonly spread: Spread }
  | { readonly type: "keys"; readonly keys: Required<SharedKeys> }
  | { readonly type: "ping" }
  | { readonly type: "ask"; readonly number: number; readonly question: Question }
  | { readonly type: "call"; readonly number: number; readonly call: ModuleCall };

/** How much a worker's endpoints have to do. */
export interface EngineLoad {
  /** Open or in handshake. */
  readonly connections: number;
  /** Handshakes that were begun since the worker was started. */
  readonly accepted: number;
}

export interface PongMessage {
  readonly type: "pong";
  readonly load: EngineLoad;
  readonly stats: ServerStats;
  readonly eventLoop: EventLoopStats;
  readonly memory: MemoryStats;
  readonly forwarding: ForwardingStats;
  readonly bus: BusStats;
}

/** An error as another process can show it. */
export interface RemoteError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code: string | undefined;
}

export type MessageToCluster =
  | { readonly type: "ready"; readonly address: Address }
  | { readonly type: "failed"; readonly error: RemoteError }
  | PongMessage
  | { readonly type: "load"; readonly load: EngineLoad }
  | BusEnvelope
  | { readonly type: "answer"; readonly number: number; readonly value: unknown; readonly error?: RemoteError }
  /** A signal has told the worker to end: it wants a successor, or (`now`, after a second signal) ends at once. */
  | { readonly type: "leaving"; readonly now: boolean }
  /** The last message: the server has closed. */
  | { readonly type: "ended"; readonly stats: ServerStats }
  | { readonly type: "busOverflow" };
