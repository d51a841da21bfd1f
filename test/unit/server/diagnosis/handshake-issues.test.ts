import { describe, expect, it } from "vitest";

import { ServerConfig } from "../../../../src/config/server-config.ts";
import { handshakeFailureCauses, handshakeFailuresOf } from "../../../../src/engine/handshake-failures.ts";
import { handshakeIssues } from "../../../../src/server/diagnosis/handshake-issues.ts";

const limits = { ...ServerConfig.createForDevelopment().values, maxConnections: 7, maxConnectionsPerAddress: 3 };

function issues(counts: Partial<ReturnType<typeof handshakeFailuresOf>>, connectionsAccepted = 0): string[] {
  const connectionRejections = handshakeFailuresOf((cause) => counts[cause] ?? 0);
  const connectionsRejected = Object.values(connectionRejections).reduce((sum, count) => sum + count, 0);
  return handshakeIssues({ connectionsAccepted, connectionsRejected, connectionRejections }, limits);
}

describe("handshakeIssues()", () => {
  it("tells a cause from three clients and a tenth of all on", () => {
    expect(issues({ certificate_rejected: 2 })).toEqual([]);
    expect(issues({ certificate_rejected: 3 }, 27)).toEqual([]);
    expect(issues({ certificate_rejected: 3 }, 26)).toEqual([
      expect.stringMatching(/^3 of 29 clients do not trust the certificate\. /),
    ]);
  });

  it("tells each cause in a sentence of its own, with the option's value where there is one", () => {
    for (const cause of handshakeFailureCauses) {
      const [issue, ...more] = issues({ [cause]: 5 });
      expect(more).toEqual([]);
      if (cause === "closing") expect(issue).toBeUndefined();
      else expect(issue).toMatch(/^5 of 5 clients /);
    }
    expect(issues({ max_connections: 3 })).toEqual([expect.stringContaining("maxConnections (7)")]);
    expect(issues({ max_connections_per_address: 3 })).toEqual([
      expect.stringContaining("maxConnectionsPerAddress (3)"),
    ]);
    expect(issues({ timeout: 3 })).toEqual([expect.stringContaining("handshakeTimeout (10000 ms)")]);
  });
});
