import { describe, expect, it } from "vitest";

import { ServerError } from "../../../src/errors/errors.ts";
import { requireWorkerProgram } from "../../../src/cluster/workers/worker-program.ts";

describe("requireWorkerProgram()", () => {
  it("says what to do where a bundler has left the workers' program behind", () => {
    expect(() => requireWorkerProgram("/app/cluster/worker/worker-main.js")).toThrow(ServerError);
    expect(() => requireWorkerProgram("/app/cluster/worker/worker-main.js")).toThrow(
      /^Cannot start a worker: its program \/app\/cluster\/worker\/worker-main\.js is not there.* --external:tswebtransport/,
    );
  });

  it("finds it beside the sources", () => {
    requireWorkerProgram();
  });
});
