/**
 * How packets travel between workers, on a stream: u32 length of what follows, u8 endpoint, u16 port of the peer, u8 length of
 * the peer's host, host (ASCII), u8 length of the local host (0: unknown), local host, packet. Big-endian.
 */
import { Buffer } from "node:buffer";

import type { SocketAddress } from "../../engine/engine.ts";

export interface ForwardedPacket {
  /** Index of the endpoint, one for each address of the UDP port. */
  readonly endpoint: number;
  readonly packet: Uint8Array;
  readonly remoteAddress: SocketAddress;
  readonly localHost: string | undefined;
}

const lengthSize = 4;
/** Endpoint, port, and both lengths. */
const fixedSize = 5;
/** More than any UDP datagram with its addresses: a longer frame comes from no worker. */
const longestFrame = 66_000;

export function encodeFrame({ endpoint, packet, remoteAddress, localHost = "" }: ForwardedPacket): Buffer {
  const { host, port } = remoteAddress;
  const length = fixedSize + host.length + localHost.length + packet.byteLength;
  const frame = Buffer.allocUnsafe(lengthSize + length);
  let offset = frame.writeUInt32BE(length, 0);
  offset = frame.writeUInt8(endpoint, offset);
  offset = frame.writeUInt16BE(port, offset);
  offset = frame.writeUInt8(host.length, offset);
  offset += frame.write(host, offset, "latin1");
  offset = frame.writeUInt8(localHost.length, offset);
  offset += frame.write(localHost, offset, "latin1");
  frame.set(packet, offset);
  return frame;
}

/** Takes the packets out of a stream's chunks. */
export class FrameReader {
  readonly #onPacket: (packet: ForwardedPacket) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(onPacket: (packet: ForwardedPacket) => void) {
    this.#onPacket = onPacket;
  }

  /** Returns false when the stream is none of a worker's. */
  push(chunk: Buffer): boolean {
    let bytes = this.#rest.byteLength === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.byteLength >= lengthSize) {
      const length = bytes.readUInt32BE(0);
      if (length < fixedSize || length > longestFrame) return false;
      const end = lengthSize + length;
      if (bytes.byteLength < end) break;
      const packet = decodeFrame(bytes.subarray(lengthSize, end));
      if (packet === undefined) return false;
      this.#onPacket(packet);
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
    return true;
  }
}

function decodeFrame(frame: Buffer): ForwardedPacket | undefined {
  const endpoint = frame.readUInt8(0);
  const port = frame.readUInt16BE(1);
  const hostEnd = 4 + frame.readUInt8(3);
  if (hostEnd >= frame.byteLength) return undefined;
  const host = frame.toString("latin1", 4, hostEnd);
  const localEnd = hostEnd + 1 + frame.readUInt8(hostEnd);
  if (localEnd > frame.byteLength) return undefined;
  const localHost = frame.toString("latin1", hostEnd + 1, localEnd);
  return {
    endpoint,
    packet: frame.subarray(localEnd),
    remoteAddress: { host, port, family: host.includes(":") ? 6 : 4 },
    localHost: localHost === "" ? undefined : localHost,
  };
}
