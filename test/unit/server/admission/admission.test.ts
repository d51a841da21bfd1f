import { describe, expect, it } from "vitest";

import { firstRejection } from "../../../../src/server/admission/admission.ts";
import type { Step } from "../../../../src/server/admission/admission.ts";
import { rejectionOfCore } from "../../../../src/server/admission/core-refusals.ts";
import type { RefusedRequest } from "../../../../src/transport/connection/owner.ts";

interface Subject {
  readonly request: { readonly isAnswered: boolean };
  readonly ran: string[];
}

function subject(isAnswered = false): Subject {
  return { request: { isAnswered }, ran: [] };
}

const no = { status: 403, kind: "origin", reason: "no" } as const;
const step =
  (name: string, result?: typeof no | Promise<typeof no | undefined>): Step<Subject> =>
  ({ ran }) => {
    ran.push(name);
    return result;
  };

describe("firstRejection()", () => {
  it("runs the steps in order, until one of them refuses", async () => {
    const seen = subject();
    const steps = [step("a"), step("b", Promise.resolve(undefined)), step("c", no), step("d")];
    expect(await firstRejection(steps, seen)).toBe(no);
    expect(seen.ran).toEqual(["a", "b", "c"]);
  });

  it("takes the rejection of a step that had to wait, and none when all steps agree", async () => {
    const seen = subject();
    expect(await firstRejection([step("a", Promise.resolve(no)), step("b")], seen)).toBe(no);
    expect(seen.ran).toEqual(["a"]);
    expect(await firstRejection([step("a"), step("b")], subject())).toBeUndefined();
  });

  it("ends when the client has gone", async () => {
    const gone = subject(true);
    expect(await firstRejection([step("a"), step("b", no)], gone)).toBeUndefined();
    expect(gone.ran).toEqual(["a"]);
  });
});

describe("rejectionOfCore()", () => {
  const refused = {
    headers: [
      [":authority", "a.example"],
      [":path", "/x?token=secret"],
      ["origin", "https://a.example"],
      ["origin", "https://b.example"],
    ],
    remoteAddress: { host: "127.0.0.1", port: 1, family: 4 },
  } as const;

  it.each<[RefusedRequest["cause"], number, string, string]>([
    ["origins", 400, "malformed", "it has 2 origins"],
    ["url", 400, "malformed", '"a.example/x" is no URL'],
    ["authority", 421, "authority", "a.example is not in authorities"],
    ["sessions", 429, "max_sessions_per_connection", "maxSessionsPerConnection (16) is reached"],
    ["headers", 431, "headers", "its headers are larger, or more, than this server takes"],
    ["closing", 503, "closing", "the connection is being closed"],
  ])("says what %s means, without the query", (cause, status, kind, reason) => {
    expect(rejectionOfCore({ ...refused, cause, status }, { maxSessionsPerConnection: 16 })).toEqual({
      subject: { path: "/x", remoteAddress: refused.remoteAddress },
      rejection: { status, kind, reason, cause: undefined },
    });
  });
});
