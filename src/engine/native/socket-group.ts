/** UDP sockets of one port for several processes, and who gets which packet. */
import type { SocketAddress } from "../engine.ts";

export interface SocketGroupOptions {
  /** An IPv4 or IPv6 address; `::` is dual stack. */
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** 1 to 256. */
  readonly slots: number;
  /**
   * "bpf" (Linux): each slot has a socket of its own, and the kernel chooses the slot by the connection ID (see
   * {@link SocketGroup.steer}). "shared": there is one socket, which every slot's descriptor stands for; whoever reads a
   * packet hands it to its owner.
   */
  readonly mode: "bpf" | "shared";
}

/** The sockets stay open until {@link SocketGroup.close}: packets for a slot that nobody reads wait in its socket. */
export interface SocketGroup {
  readonly localAddress: SocketAddress;
  readonly mode: "bpf" | "shared";
  /** By slot, for `EndpointOptions.descriptor` here, or in a child process that gets it by the `stdio` of `spawn`. */
  readonly descriptors: readonly number[];
  /**
   * Packets that begin a connection go to the slots in `active`, spread by a hash; their order counts as in
   * `QuicEndpoint.setActiveWorkers`. A packet with a connection ID of an endpoint whose `workerId` is its slot goes to that
   * slot, whoever reads it. `reading`: slots whose endpoints are at work though they take no new connections; a handshake
   * under way stays with them. Takes effect at once, for packets that arrive from now on. Before the first call every slot
   * is active. In mode "shared" nothing happens: the endpoints' `setActiveWorkers` decides.
   * Throws EngineError "invalid-option".
   */
  steer(active: readonly number[], reading?: readonly number[]): void;
  /** Closes this process's descriptors; duplicates in other processes stay open. Idempotent. */
  close(): void;
}
