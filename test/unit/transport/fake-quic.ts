import type {
  ConnectionStats,
  DatagramResult,
  QuicConnection,
  SocketAddress,
  StreamDirection,
} from "../../../src/engine/engine.ts";
import { connectionSettings } from "../../../src/transport/connection/settings.ts";
import type { ConnectionSettingsInit } from "../../../src/transport/connection/settings.ts";
import { SendGroups } from "../../../src/transport/session/send-groups.ts";
import { SessionAccounts } from "../../../src/transport/session/session-accounts.ts";
import { BufferBudget } from "../../../src/transport/streams/buffer-budget.ts";
import type { HalfStream, StreamContext } from "../../../src/transport/streams/half-stream.ts";
import type { SendCredit } from "../../../src/transport/streams/send-credit.ts";

/** A QuicConnection that notes what it is asked for; `room` bytes of a write leave its queue at once. */
export class FakeQuic implements QuicConnection {
  readonly id = 1;
  readonly localAddress: SocketAddress = { host: "127.0.0.1", port: 1, family: 4 };
  readonly remoteAddress: SocketAddress = { host: "127.0.0.1", port: 2, family: 4 };
  readonly calls: string[] = [];
  readonly written: { streamId: number; bytes: Uint8Array; fin: boolean }[] = [];
  readonly datagrams: Uint8Array[] = [];
  room = Infinity;
  unread = 0;
  datagramResult: DatagramResult = "queued";
  allowed: Record<StreamDirection, number> = { bidirectional: Infinity, unidirectional: Infinity };
  #next: Record<StreamDirection, number> = { bidirectional: 0, unidirectional: 2 };

  open(direction: StreamDirection): number | undefined {
    if (this.allowed[direction] <= 0) return undefined;
    this.allowed[direction] -= 1;
    const id = this.#next[direction];
    this.#next[direction] += 4;
    return id;
  }
  write(streamId: number, data: Uint8Array, fin: boolean): number {
    this.written.push({ streamId, bytes: data.slice(), fin });
    const taken = Math.min(this.room, data.byteLength);
    this.room -= taken;
    return taken;
  }
  reset(streamId: number, code: bigint, reliableSize = 0): void {
    const reliable = reliableSize === 0 ? "" : ` behind ${reliableSize}`;
    this.calls.push(`reset ${streamId} 0x${code.toString(16)}${reliable}`);
  }
  stop(streamId: number, code: bigint): void {
    this.calls.push(`stop ${streamId} 0x${code.toString(16)}`);
  }
  grant(streamId: number, bytes: number): void {
    this.calls.push(`grant ${streamId} ${bytes}`);
  }
  setReceiveWindow(bytes: number): number {
    this.calls.push(`window ${bytes}`);
    return bytes;
  }
  unreadBytes(): number {
    return this.unread;
  }
  setPriority(streamId: number, session: number, sendGroup: number, sendOrder: number): void {
    this.calls.push(`priority ${streamId} ${session} ${sendGroup} ${sendOrder}`);
  }
  sendDatagram(header: Uint8Array, payload: Uint8Array): DatagramResult {
    if (this.datagramResult === "queued") this.datagrams.push(Uint8Array.from([...header, ...payload]));
    return this.datagramResult;
  }
  maxDatagramSize(): number {
    return 1200;
  }
  close(code: bigint, reason: string): void {
    this.calls.push(`close 0x${code.toString(16)} ${reason}`);
  }
  exportKeyingMaterial(_label: string, context: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(length).fill(context.byteLength);
  }
  getStats(): ConnectionStats {
    throw new Error("not faked");
  }

  /** Everything written to a stream, as text. */
  text(streamId = 0): string {
    return this.written
      .filter((write) => write.streamId === streamId)
      .map(({ bytes, fin }) => new TextDecoder().decode(bytes) + (fin ? "|" : ""))
      .join("");
  }
}

export interface FakeStreamOptions {
  readonly settings?: ConnectionSettingsInit;
  readonly budget?: BufferBudget;
  readonly resetStreamAt?: boolean;
  readonly sendCredit?: SendCredit | undefined;
}

/** The stream that a half is tested in: 0, with a credit and a high-water mark of 100 bytes. */
export class FakeStream implements HalfStream {
  readonly streamId = 0;
  readonly quic = new FakeQuic();
  readonly context: StreamContext;
  readonly accounts: SessionAccounts;
  readonly stopped: number[] = [];
  changes = 0;
  readonly timers: { milliseconds: number; callback: () => void }[] = [];
  readonly flushes: (() => void)[] = [];

  constructor(options: FakeStreamOptions = {}) {
    const { budget = new BufferBudget(1_000_000), resetStreamAt = false, sendCredit } = options;
    this.accounts = new SessionAccounts(budget, new SendGroups(0), sendCredit);
    this.context = {
      quic: this.quic,
      settings: connectionSettings({
        streamBufferSize: 100,
        outgoingHighWaterMark: 100,
        writeTimeout: 0,
        ...options.settings,
      }),
      resetStreamAt,
      after: (milliseconds, callback) => {
        const timer = { milliseconds, callback };
        this.timers.push(timer);
        return () => {
          const index = this.timers.indexOf(timer);
          if (index >= 0) this.timers.splice(index, 1);
        };
      },
      atEndOfScript: (flush) => {
        this.flushes.push(flush);
      },
    };
  }

  get budget(): BufferBudget {
    return this.accounts.budget;
  }
  stoppedEarly(received: number): void {
    this.stopped.push(received);
  }
  halfChanged(): void {
    this.changes += 1;
  }
  /** Runs the timer that was set first. */
  fire(): void {
    this.timers.shift()?.callback();
  }
}

export function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

export function text(chunk: Uint8Array | null | undefined): string | null | undefined {
  return chunk === null || chunk === undefined ? chunk : new TextDecoder().decode(chunk);
}

/** Whether a promise has settled, after every microtask that is due. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let pending = true;
  const settled = (): void => {
    pending = false;
  };
  promise.then(settled, settled);
  await new Promise(setImmediate);
  return pending;
}
