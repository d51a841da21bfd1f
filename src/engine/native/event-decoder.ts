/** Decodes the packed events of one turn; `native/README.md` describes the format. */
import type { ConnectionClosed, ConnectionInfo, ConnectionListener, SocketAddress } from "../engine.ts";

const headerLength = 32;

/** `RecordType` of `native/core/src/events.rs`. */
const EventType = {
  connected: 1,
  streamOpened: 2,
  data: 3,
  reset: 4,
  stopped: 5,
  accepted: 6,
  finished: 7,
  streamsAvailable: 8,
  datagram: 9,
  datagramsWritable: 10,
  addressChanged: 11,
  closed: 12,
  receiveWindowLow: 13,
  foreignPacket: 14,
} as const;

const finFlag = 1;
const largeFlag = 2;
const clientFlag = 1;
const resetStreamAtFlag = 2;

const closedBy = ["local", "peer", "transport"] as const;
const closedKind = [
  "application",
  "transport",
  "idle-timeout",
  "handshake-timeout",
  "stateless-reset",
  "version-mismatch",
  "failed",
] as const;

/** The receiver of the decoded events. */
export interface EventTarget {
  /** An event reaches a connection, whose listener is told of the turn's end as well; undefined when nothing listens. */
  reached(connection: number): ConnectionListener | undefined;
  /** A client has connected to this server. */
  accepted(connection: number, info: ConnectionInfo): void;
  addressChanged(connection: number, address: SocketAddress): void;
  closed(connection: number, info: ConnectionClosed): void;
  /** A packet for another worker, valid during the call. */
  foreignPacket(workerId: number, packet: Uint8Array, remote: SocketAddress, localHost: string | undefined): void;
  /** The code of a stop that has come since the records were made. */
  stopCode(connection: number, stream: number): bigint | undefined;
  /** A listener has thrown: the next event follows all the same. */
  threw(error: unknown): void;
}

const utf8 = new TextDecoder();

/** Decodes `length` bytes of records. `takeLarge` gives the payloads that travel beside them. */
export function decodeEvents(
  bytes: Uint8Array,
  length: number,
  takeLarge: (index: number) => ArrayBuffer,
  target: EventTarget,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  let offset = 0;
  while (offset < length) {
    const isLarge = view.getUint8(offset) === EventType.data && (view.getUint8(offset + 1) & largeFlag) !== 0;
    try {
      decodeRecord(bytes, view, offset, isLarge ? takeLarge : undefined, target);
    } catch (error) {
      target.threw(error);
    }
    offset += headerLength + (isLarge ? 0 : (view.getUint32(offset + 24, true) + 7) & ~7);
  }
}

function decodeRecord(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  takeLarge: ((index: number) => ArrayBuffer) | undefined,
  target: EventTarget,
): void {
  const type = view.getUint8(offset);
  const flags = view.getUint8(offset + 1);
  const connection = view.getUint32(offset + 4, true);
  const stream = view.getUint32(offset + 8, true) + view.getUint32(offset + 12, true) * 2 ** 32;
  const payloadLength = view.getUint32(offset + 24, true);
  const start = offset + headerLength;
  switch (type) {
    case EventType.data: {
      const isFin = (flags & finFlag) !== 0;
      const stopCode = target.stopCode(connection, stream);
      if (stopCode !== undefined) {
        // Taken all the same: the index of a payload is only good for this turn.
        takeLarge?.(view.getUint32(offset + 28, true));
        if (isFin) target.reached(connection)?.reset(stream, stopCode, Number(view.getBigUint64(offset + 16, true)), 0);
        break;
      }
      const chunk =
        takeLarge === undefined
          ? ownCopy(bytes, start, payloadLength)
          : new Uint8Array(takeLarge(view.getUint32(offset + 28, true)));
      target.reached(connection)?.data(stream, chunk, isFin);
      break;
    }
    case EventType.datagram:
      target.reached(connection)?.datagram(bytes.subarray(start, start + payloadLength));
      break;
    case EventType.accepted:
      target.reached(connection)?.accepted(stream, Number(view.getBigUint64(offset + 16, true)));
      break;
    case EventType.streamOpened:
      target.reached(connection)?.streamOpened(stream);
      break;
    case EventType.finished:
      target.reached(connection)?.finished(stream);
      break;
    case EventType.reset:
      target
        .reached(connection)
        ?.reset(
          stream,
          view.getBigUint64(offset + 16, true),
          Number(view.getBigUint64(start, true)),
          Number(view.getBigUint64(start + 8, true)),
        );
      break;
    case EventType.stopped:
      target.reached(connection)?.stopped(stream, view.getBigUint64(offset + 16, true));
      break;
    case EventType.streamsAvailable: {
      const direction = view.getUint32(offset + 16, true) === 1 ? "unidirectional" : "bidirectional";
      target.reached(connection)?.streamsAvailable(direction);
      break;
    }
    case EventType.datagramsWritable:
      target.reached(connection)?.datagramsWritable();
      break;
    case EventType.receiveWindowLow:
      target.reached(connection)?.receiveWindowLow();
      break;
    case EventType.foreignPacket: {
      const localStart = start + 4 + view.getUint8(start + 2);
      const packetStart = localStart + view.getUint8(start + 3);
      target.foreignPacket(
        Number(view.getBigUint64(offset + 16, true)),
        bytes.subarray(packetStart, start + payloadLength),
        socketAddress(ascii(bytes, start + 4, localStart), view.getUint16(start, true)),
        packetStart === localStart ? undefined : ascii(bytes, localStart, packetStart),
      );
      break;
    }
    case EventType.addressChanged:
      target.addressChanged(connection, parseSocketAddress(text(bytes, start, payloadLength)));
      break;
    case EventType.connected: {
      const maxDatagramSize = Number(view.getBigUint64(offset + 16, true));
      const resetStreamAt = (flags & resetStreamAtFlag) !== 0;
      const info = decodeInfo(bytes, view, start, payloadLength, maxDatagramSize, resetStreamAt);
      if ((flags & clientFlag) === 0) target.accepted(connection, info);
      else target.reached(connection)?.connected(info);
      break;
    }
    case EventType.closed:
      target.closed(connection, {
        by: closedBy[flags & 0x0f] ?? "transport",
        kind: closedKind[flags >> 4] ?? "failed",
        code: view.getBigUint64(offset + 16, true),
        reason: text(bytes, start, payloadLength),
      });
      break;
  }
}

/** Not `slice`, which keeps the species of a Buffer. */
function ownCopy(bytes: Uint8Array, start: number, length: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(length);
  copy.set(bytes.subarray(start, start + length));
  return copy;
}

function text(bytes: Uint8Array, start: number, length: number): string {
  return length === 0 ? "" : utf8.decode(bytes.subarray(start, start + length));
}

/** Without the set-up of a TextDecoder's call. */
function ascii(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
}

/** Duration, port, the lengths of host, server name and ALPN protocol, these texts, then each certificate behind its length. */
function decodeInfo(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  length: number,
  maxDatagramSize: number,
  resetStreamAt: boolean,
): ConnectionInfo {
  const nameStart = view.getUint8(start + 6);
  const alpnStart = nameStart + view.getUint8(start + 7);
  const textLength = alpnStart + view.getUint8(start + 8);
  const texts = ascii(bytes, start + 9, start + 9 + textLength);
  const peerCertificates: Uint8Array[] = [];
  for (let offset = start + 9 + textLength; offset < start + length;) {
    const certificateLength = view.getUint32(offset, true);
    peerCertificates.push(ownCopy(bytes, offset + 4, certificateLength));
    offset += 4 + certificateLength;
  }
  return {
    remoteAddress: socketAddress(texts.slice(0, nameStart), view.getUint16(start + 4, true)),
    alpn: texts.slice(alpnStart),
    serverName: alpnStart === nameStart ? undefined : texts.slice(nameStart, alpnStart),
    peerCertificates,
    maxDatagramSize,
    resetStreamAt,
    handshakeDuration: view.getUint32(start, true) / 1000,
  };
}

/** "1.2.3.4:5" or "[::1]:5"; an IPv4 address that a dual-stack socket maps into IPv6 is given as IPv4. */
export function parseSocketAddress(address: string): SocketAddress {
  const colon = address.lastIndexOf(":");
  const port = Number(address.slice(colon + 1));
  return socketAddress(address.startsWith("[") ? address.slice(1, colon - 1) : address.slice(0, colon), port);
}

export function socketAddress(host: string, port: number): SocketAddress {
  if (!host.includes(":")) return { host, port, family: 4 };
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1];
  return mapped === undefined ? { host, port, family: 6 } : { host: mapped, port, family: 4 };
}
