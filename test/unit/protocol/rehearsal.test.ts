import { expect, it } from "vitest";

import { rehearse } from "../../../src/protocol/rehearsal.ts";

it("a rehearsal takes a session from its request to its end", () => {
  expect(rehearse()).toEqual(["ready", "sessionRequest", "write", "stream", "datagram", "sessionClosed", "write"]);
});
