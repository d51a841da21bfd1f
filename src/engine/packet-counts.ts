import type { PacketCounts } from "./engine.ts";

export const noPackets: PacketCounts = Object.freeze({
  packetsSent: 0,
  packetsReceived: 0,
  packetsLost: 0,
  bytesSent: 0,
  bytesReceived: 0,
});

export function addPackets(left: PacketCounts, right: PacketCounts): PacketCounts {
  return {
    packetsSent: left.packetsSent + right.packetsSent,
    packetsReceived: left.packetsReceived + right.packetsReceived,
    packetsLost: left.packetsLost + right.packetsLost,
    bytesSent: left.bytesSent + right.bytesSent,
    bytesReceived: left.bytesReceived + right.bytesReceived,
  };
}
