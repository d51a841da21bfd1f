import type { ServerConfig } from "../../config/server-config.ts";
import type { ServerError } from "../../errors/errors.ts";
import type { ServerCloseOptions } from "../../server/server.ts";
import type { Address } from "../../transport/types.ts";
import type { ClusterContext } from "./cluster-context.ts";
import type { SlotTable } from "./slot-table.ts";
import type { WorkerExit, WorkerProcess } from "./worker-process.ts";

/** Of a worker: what the group needs to know. */
export interface WorkerIdentity {
  readonly id: number;
  readonly config: ServerConfig;
}

/** What a worker needs of the group that it belongs to. */
export interface WorkerHome {
  readonly context: ClusterContext;
  readonly slots: SlotTable;
  readonly localAddress: Address | undefined;
  /** A process for the worker in this slot, on its way to listen. Throws ServerError after the group has closed. */
  spawn(worker: WorkerIdentity, slot: number): WorkerProcess;
  /** The slot's new process is ready: nobody else reads its packets after this. */
  handOver(slot: number): Promise<void>;
  /** Steers by the workers that are there now, and tells each of them. */
  changed(): void;
  /** The part of the new connections that a slot gets, 0 to 1. */
  shareOf(slot: number): number;
  /** Nobody will read this slot for long: tells the clients of its connections, in the place of a process. */
  careFor(slot: number): void;
  tellReady(worker: WorkerIdentity, process: WorkerProcess): void;
  tellExited(worker: WorkerIdentity, process: WorkerProcess, exit: WorkerExit): void;
  tellFailed(worker: WorkerIdentity, error: ServerError): void;
  /** Closes the worker's processes; the others take its share of new connections. */
  remove(id: number, options: ServerCloseOptions): Promise<void>;
}
