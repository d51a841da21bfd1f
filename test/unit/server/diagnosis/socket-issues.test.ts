import { describe, expect, it } from "vitest";

import type { EndpointStats } from "../../../../src/engine/engine.ts";
import { handshakeFailuresOf } from "../../../../src/engine/handshake-failures.ts";
import { noPackets } from "../../../../src/engine/packet-counts.ts";
import { bufferIssues, dropsOf } from "../../../../src/server/diagnosis/socket-issues.ts";

const MiB = 1024 * 1024;

function statsOf(receiveBufferSize: number, sendBufferSize: number): EndpointStats {
  return {
    connections: 0,
    pendingHandshakes: 0,
    handshakesAccepted: 0,
    handshakesRefused: 0,
    handshakeFailures: handshakeFailuresOf(() => 0),
    packets: noPackets,
    receiveBufferSize,
    sendBufferSize,
  };
}

describe("what is wrong with UDP buffers", () => {
  it("is nothing when the kernel has granted what was asked for, or the engine cannot tell", () => {
    expect(bufferIssues([statsOf(2 * MiB, 2 * MiB)], "linux")).toEqual([]);
    expect(bufferIssues([statsOf(8 * MiB, 2 * MiB)], "darwin")).toEqual([]);
    expect(bufferIssues([statsOf(0, 0)], "linux")).toEqual([]);
  });

  it("is told with the real size of the smallest and the command that mends it", () => {
    expect(bufferIssues([statsOf(2 * MiB, 2 * MiB), statsOf(212_992, 212_992)], "linux")).toEqual([
      "The UDP receive buffer has 212992 bytes, 2097152 were asked for: bursts lose packets. Allow more with: sudo sysctl " +
        "-w net.core.rmem_max=2097152",
      "The UDP send buffer has 212992 bytes, 2097152 were asked for: bursts lose packets. Allow more with: sudo sysctl " +
        "-w net.core.wmem_max=2097152",
    ]);
    expect(bufferIssues([statsOf(MiB, 2 * MiB)], "darwin")).toEqual([
      expect.stringMatching(/^The UDP receive buffer has 1048576 bytes, .* sudo sysctl -w kern\.ipc\.maxsockbuf=\d+$/),
    ]);
    expect(bufferIssues([statsOf(MiB, 2 * MiB)], "win32")).toEqual([expect.stringContaining("the system's settings")]);
  });
});

describe("packets that the kernel has dropped", () => {
  const table = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  342: 0100007F:1151 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 91331 2 00000000d8f0a3c4 17
  343: 0100007F:1152 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 91332 2 00000000d8f0a3c5 5
  344: 00000000000000000000000001000000:1151 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 91333 2 00000000d8f0a3c6 3
`;

  it("are those of the sockets on the server's port", () => {
    expect(dropsOf(table, new Set([4433]))).toBe(20);
    expect(dropsOf(table, new Set([4434]))).toBe(5);
    expect(dropsOf("", new Set([4433]))).toBe(0);
  });
});
