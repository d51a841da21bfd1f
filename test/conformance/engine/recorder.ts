import type {
  ConnectionClosed,
  ConnectionInfo,
  ConnectionListener,
  SocketAddress,
  StreamDirection,
} from "../../../src/engine/engine.ts";

export type Recorded =
  | { readonly type: "connected"; readonly info: ConnectionInfo }
  | { readonly type: "streamOpened"; readonly streamId: number }
  | { readonly type: "data"; readonly streamId: number; readonly chunk: Uint8Array<ArrayBuffer>; readonly fin: boolean }
  | {
      readonly type: "reset";
      readonly streamId: number;
      readonly code: bigint;
      readonly finalSize: number;
      readonly reliableSize: number;
    }
  | { readonly type: "stopped"; readonly streamId: number; readonly code: bigint }
  | { readonly type: "accepted"; readonly streamId: number; readonly bytes: number }
  | { readonly type: "finished"; readonly streamId: number }
  | { readonly type: "streamsAvailable"; readonly direction: StreamDirection }
  | { readonly type: "datagram"; readonly bytes: Uint8Array }
  | { readonly type: "datagramsWritable" }
  | { readonly type: "receiveWindowLow" }
  | { readonly type: "addressChanged"; readonly remoteAddress: SocketAddress }
  | { readonly type: "closed"; readonly info: ConnectionClosed }
  | { readonly type: "turnEnded" };

type Type = Recorded["type"];
export type EventOf<T extends Type> = Extract<Recorded, { type: T }>;

/** A listener that notes every event, and lets a test wait for what it expects. */
export class Recorder implements ConnectionListener {
  readonly events: Recorded[] = [];
  /** Called for every event as soon as it is noted, within the engine's call. */
  onEvent: (event: Recorded) => void = () => {};
  readonly #waiting = new Set<{ readonly condition: () => boolean; readonly resolve: () => void }>();

  connected(info: ConnectionInfo): void {
    this.#note({ type: "connected", info });
  }
  streamOpened(streamId: number): void {
    this.#note({ type: "streamOpened", streamId });
  }
  data(streamId: number, chunk: Uint8Array<ArrayBuffer>, fin: boolean): void {
    this.#note({ type: "data", streamId, chunk, fin });
  }
  reset(streamId: number, code: bigint, finalSize: number, reliableSize: number): void {
    this.#note({ type: "reset", streamId, code, finalSize, reliableSize });
  }
  stopped(streamId: number, code: bigint): void {
    this.#note({ type: "stopped", streamId, code });
  }
  accepted(streamId: number, bytes: number): void {
    this.#note({ type: "accepted", streamId, bytes });
  }
  finished(streamId: number): void {
    this.#note({ type: "finished", streamId });
  }
  streamsAvailable(direction: StreamDirection): void {
    this.#note({ type: "streamsAvailable", direction });
  }
  datagram(bytes: Uint8Array): void {
    this.#note({ type: "datagram", bytes: Uint8Array.from(bytes) });
  }
  datagramsWritable(): void {
    this.#note({ type: "datagramsWritable" });
  }
  receiveWindowLow(): void {
    this.#note({ type: "receiveWindowLow" });
  }
  addressChanged(remoteAddress: SocketAddress): void {
    this.#note({ type: "addressChanged", remoteAddress });
  }
  closed(info: ConnectionClosed): void {
    this.#note({ type: "closed", info });
  }
  turnEnded(): void {
    this.#note({ type: "turnEnded" });
  }

  of<T extends Type>(type: T): EventOf<T>[] {
    return this.events.filter((event): event is EventOf<T> => event.type === type);
  }

  /** Resolves as soon as the condition holds; looked at after every event. */
  async until(condition: () => boolean): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve) => {
      this.#waiting.add({ condition, resolve });
    });
  }

  /** The first event of this type, which may have come already. */
  async first<T extends Type>(type: T, matches: (event: EventOf<T>) => boolean = () => true): Promise<EventOf<T>> {
    const find = (): EventOf<T> | undefined => this.of(type).find(matches);
    await this.until(() => find() !== undefined);
    const event = find();
    if (event === undefined) throw new Error("It was there");
    return event;
  }

  /** Everything that has come on a stream. */
  bytes(streamId: number): Uint8Array {
    const chunks = this.of("data").filter((event) => event.streamId === streamId);
    return Buffer.concat(chunks.map(({ chunk }) => chunk));
  }
  text(streamId: number): string {
    return Buffer.from(this.bytes(streamId)).toString();
  }
  hasFin(streamId: number): boolean {
    return this.of("data").some((event) => event.streamId === streamId && event.fin);
  }

  #note(event: Recorded): void {
    this.events.push(event);
    for (const waiting of this.#waiting) {
      if (!waiting.condition()) continue;
      this.#waiting.delete(waiting);
      waiting.resolve();
    }
    this.onEvent(event);
  }
}
