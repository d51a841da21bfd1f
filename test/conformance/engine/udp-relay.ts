import { createSocket } from "node:dgram";
import type { RemoteInfo, Socket } from "node:dgram";
import { once } from "node:events";

import type { SocketAddress } from "../../../src/engine/engine.ts";

import type { Path } from "./under-test.ts";

/** Carries one client's packets to a server and back, over IPv4 loopback. */
export class UdpRelay implements Path {
  readonly #server: SocketAddress;
  readonly #front: Socket;
  readonly #backs: Socket[] = [];
  #back: Socket;
  #client: RemoteInfo | undefined;
  #isCut = false;

  private constructor(server: SocketAddress, front: Socket, back: Socket) {
    this.#server = server;
    this.#front = front;
    this.#back = back;
    front.on("message", (packet, client) => {
      this.#client = client;
      if (!this.#isCut) this.#back.send(packet, this.#server.port, this.#server.host);
    });
    this.#use(back);
  }

  static async to(server: SocketAddress): Promise<UdpRelay> {
    return new UdpRelay(server, await bound(), await bound());
  }

  get address(): SocketAddress {
    return { host: "127.0.0.1", port: this.#front.address().port, family: 4 };
  }

  cut(): void {
    this.#isCut = true;
  }

  async changeAddress(): Promise<void> {
    this.#use(await bound());
  }

  async close(): Promise<void> {
    for (const socket of [this.#front, ...this.#backs]) {
      const closed = once(socket, "close");
      socket.close();
      await closed;
    }
  }

  #use(back: Socket): void {
    this.#back = back;
    this.#backs.push(back);
    back.on("message", (packet) => {
      if (!this.#isCut && this.#client !== undefined) this.#front.send(packet, this.#client.port, this.#client.address);
    });
  }
}

async function bound(): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket;
}
