/** A UDP relay on loopback for one client: delays every packet and counts the flights that depend on one another. */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";

const loopback = "127.0.0.1";

/**
 * Flights are counted as causes, not by the clock: a packet belongs to the flight after the last one that its sender has
 * seen. The delay keeps the packets of one flight together.
 */
export class FlightCountingRelay {
  readonly port: number;
  readonly #front: Socket;
  readonly #back: Socket;
  readonly #serverPort: number;
  readonly #delay: number;
  #client: RemoteInfo | undefined;
  #seenByClient = 0;
  #seenByServer = 0;

  private constructor(front: Socket, back: Socket, serverPort: number, delay: number) {
    this.#front = front;
    this.#back = back;
    this.#serverPort = serverPort;
    this.#delay = delay;
    this.port = front.address().port;
    front.on("message", (packet, client) => {
      this.#client ??= client;
      const flight = this.#seenByClient + 1;
      this.#later(() => {
        this.#seenByServer = Math.max(this.#seenByServer, flight);
        back.send(packet, this.#serverPort, loopback);
      });
    });
    back.on("message", (packet) => {
      const flight = this.#seenByServer + 1;
      this.#later(() => {
        this.#seenByClient = Math.max(this.#seenByClient, flight);
        front.send(packet, this.#client?.port ?? 0, loopback);
      });
    });
  }

  /** `delay`: milliseconds each way. */
  static async start(serverPort: number, delay: number): Promise<FlightCountingRelay> {
    const [front, back] = await Promise.all([bound(), bound()]);
    return new FlightCountingRelay(front, back, serverPort, delay);
  }

  /** Number of the last flight that has reached the client; the client's first is 1. */
  get flightsSeenByClient(): number {
    return this.#seenByClient;
  }

  close(): void {
    this.#front.close();
    this.#back.close();
  }

  #later(deliver: () => void): void {
    // Unreferenced, and deaf once closed: a packet may be under way when the test ends.
    setTimeout(() => {
      try {
        deliver();
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ERR_SOCKET_DGRAM_NOT_RUNNING") throw error;
      }
    }, this.#delay).unref();
  }
}

async function bound(): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.bind(0, loopback);
  await once(socket, "listening");
  return socket;
}
