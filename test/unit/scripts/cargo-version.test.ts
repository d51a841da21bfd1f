import { readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { withQuinnProto } from "../../../scripts/cargo-version.mjs";
import { inRoot } from "../../../scripts/paths.mjs";

describe("withQuinnProto()", () => {
  it("lets no other version than the one that is tried be taken, neither fetched nor linked", () => {
    for (const path of ["native/patches/Cargo.toml", "native/Cargo.toml"]) {
      const manifest = readFileSync(inRoot(path), "utf8");
      const lines = withQuinnProto(manifest, "0.12.3").split("\n");
      expect(lines.filter((line) => !manifest.split("\n").includes(line))).toEqual([
        expect.stringMatching(/^quinn-proto = \{ version = "=0\.12\.3", default-features = false/),
      ]);
    }
  });

  it("refuses a manifest without it", () => {
    expect(() => withQuinnProto('[dependencies]\nbytes = "1"\n', "0.12.3")).toThrow("names no version");
  });
});
