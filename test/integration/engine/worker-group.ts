import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import type {
  QuicEndpoint,
  ServerOptions,
  SharedKeys,
  SocketAddress,
  SteeringOptions,
} from "../../../src/engine/engine.ts";
import { bindSocketGroup } from "../../../src/engine/native/socket-group.ts";
import type { SocketGroup } from "../../../src/engine/native/socket-group.ts";
import { Acceptor, certificate } from "../../conformance/engine/world.ts";
import type { World } from "../../conformance/engine/world.ts";

export const resetKey = new Uint8Array(32).fill(7);
const program = fileURLToPath(new URL("programs/slot-worker.mjs", import.meta.url));

/** A packet that one worker has handed to another. */
export interface Forwarded {
  readonly from: number;
  readonly to: number;
  readonly isLong: boolean;
}

/** An endpoint in a slot. It hands foreign packets to the group's other workers. */
export class Worker extends Acceptor {
  readonly id: number;
  readonly #group: WorkerGroup;
  endpoint!: QuicEndpoint;

  constructor(group: WorkerGroup, id: number) {
    super();
    this.#group = group;
    this.id = id;
  }

  foreignPacket(to: number, packet: Uint8Array, remote: SocketAddress, localHost: string | undefined): boolean {
    return this.#group.forward(this.id, to, packet, remote, localHost);
  }
}

export interface WorkerOptions extends SharedKeys {
  readonly previousKeys?: SharedKeys;
  readonly active?: readonly number[];
  readonly newConnections?: "anyone" | "hash";
  /** The slot whose socket it reads. Default: its id. */
  readonly slot?: number;
  readonly server?: Partial<ServerOptions>;
}

/** The workers of one port, in this process and in others. */
export class WorkerGroup {
  readonly sockets: SocketGroup;
  readonly workers = new Map<number, Worker>();
  readonly forwarded: Forwarded[] = [];
  readonly #world: World;
  readonly #processes: ChildProcess[] = [];
  #active: readonly number[] = [0];

  constructor(world: World, mode: "bpf" | "shared", slots = 4, host = "127.0.0.1") {
    this.#world = world;
    this.sockets = bindSocketGroup({ host, port: 0, slots, mode });
  }

  get address(): SocketAddress {
    return this.sockets.localAddress;
  }

  /** Who takes new connections, by the kernel's and every worker's view. */
  steer(active: readonly number[], reading: readonly number[] = [], shares?: readonly number[]): void {
    this.#active = active;
    this.sockets.steer(active, reading, shares);
    for (const { endpoint } of this.workers.values()) endpoint.setActiveWorkers(active, shares);
  }

  async start(id: number, options: WorkerOptions = {}): Promise<Worker> {
    const worker = new Worker(this, id);
    worker.endpoint = await this.#world.endpoint(
      {
        descriptor: this.sockets.descriptors[options.slot ?? id] ?? -1,
        server: this.#server(id, options),
        steering: this.#steering(options),
      },
      worker,
    );
    this.workers.set(id, worker);
    return worker;
  }

  /** A worker in a process of its own. */
  async spawn(id: number, options: WorkerOptions = {}): Promise<ChildProcess> {
    const settings = { server: this.#server(id, options), steering: this.#steering(options) };
    const text = JSON.stringify(settings, (_, value: unknown) =>
      value instanceof Uint8Array ? { base64: Buffer.from(value).toString("base64") } : value,
    );
    const child = spawn(process.execPath, [program, text], {
      stdio: ["pipe", "pipe", "inherit", this.sockets.descriptors[id] ?? "ignore"],
    });
    this.#processes.push(child);
    await once(child.stdout as NodeJS.ReadableStream, "data");
    return child;
  }

  forward(from: number, to: number, packet: Uint8Array, remote: SocketAddress, localHost: string | undefined): boolean {
    const worker = this.workers.get(to);
    if (worker === undefined) return false;
    this.forwarded.push({ from, to, isLong: ((packet[0] ?? 0) & 0x80) !== 0 });
    worker.endpoint.receive(packet, remote, localHost);
    return true;
  }

  async close(): Promise<void> {
    this.sockets.close();
    for (const child of this.#processes) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  }

  #server(id: number, options: WorkerOptions): ServerOptions {
    const { resetKey: key = resetKey, tokenKey, ticketKey, previousKeys, server } = options;
    const keys = { resetKey: key, ...(tokenKey && { tokenKey }), ...(ticketKey && { ticketKey }) };
    const former = previousKeys && { previousKeys };
    return { identity: certificate, alpn: ["test"], workerId: id, ...keys, ...former, ...server };
  }

  #steering({ active = this.#active, newConnections }: WorkerOptions): SteeringOptions {
    return {
      slots: this.sockets.descriptors.length,
      activeWorkers: active,
      newConnections: newConnections ?? (this.sockets.mode === "bpf" ? "anyone" : "hash"),
    };
  }
}
