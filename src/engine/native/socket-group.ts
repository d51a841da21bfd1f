/** UDP sockets of one port for several processes, and which process gets which packet. */
import { EngineError } from "../engine.ts";
import type { SocketAddress } from "../engine.ts";
import { loadAddon, withEngineErrors } from "./addon-loader.ts";
import { socketAddress } from "./event-decoder.ts";

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
   * under way stays with them. Takes effect at once, for packets that arrive from now on. Before the first call slot 0
   * is active. `shares` as in {@link SteeringOptions}. In mode "shared" nothing happens: the endpoints' `setActiveWorkers`
   * decides. Throws EngineError "invalid-option".
   */
  steer(active: readonly number[], reading?: readonly number[], shares?: readonly number[]): void;
  /** Closes this process's descriptors; duplicates in other processes stay open. Idempotent. */
  close(): void;
}

/**
 * Binds the sockets of a group. Throws {@link EngineError}, as an endpoint's creation does; "address-in-use" also when the
 * address is another group's, whose sockets would otherwise share its packets. Linux lets a program of the same user join
 * with SO_REUSEPORT all the same: it gets no packets. Windows has no groups ("unavailable"), and only Linux has "bpf".
 */
export function bindSocketGroup({ host, port, slots, mode }: SocketGroupOptions): SocketGroup {
  if (!(["bpf", "shared"] as readonly string[]).includes(mode)) {
    throw new EngineError("invalid-option", `mode must be "bpf" or "shared": current value is "${mode}"`);
  }
  const { NativeSocketGroup } = loadAddon();
  const native = withEngineErrors(() => new NativeSocketGroup(host, port, slots, mode === "bpf"));
  const local = native.localAddress();
  const sockets = native.descriptors();
  // In mode "shared" there is one for all slots.
  const descriptors = Array.from({ length: slots / sockets.length }, () => sockets).flat();
  return {
    localAddress: socketAddress(local.host, local.port),
    mode,
    descriptors,
    steer(active, reading = [], shares = undefined) {
      withEngineErrors(() => {
        native.steer([...active], [...reading], shares?.slice());
      });
    },
    close() {
      native.close();
    },
  };
}
