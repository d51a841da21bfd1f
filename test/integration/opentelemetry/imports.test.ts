import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

import { Program } from "../../support/program.ts";

const program = fileURLToPath(new URL("programs/without-opentelemetry.mjs", import.meta.url));

/** Waits for the end of a program that ends by itself: this signal changes nothing. */
const ending = (child: Program): Promise<number | null> => child.end("SIGCONT");

describe("an uninstrumented server", () => {
  it("loads nothing of OpenTelemetry, nor does a client", async () => {
    const child = new Program([program]);
    await child.match(/^served$/);
    expect(await ending(child)).toBe(0);
    expect(child.errors).toBe("");
  });

  it("would be seen to load it", async () => {
    const child = new Program([program, "instrumented"]);
    await expect(child.match(/^served$/)).rejects.toThrow(/loaded file:.*\/dist\/opentelemetry\//);
    expect(await ending(child)).toBe(1);
  });
});
