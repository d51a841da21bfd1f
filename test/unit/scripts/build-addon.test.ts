import { describe, expect, it } from "vitest";

import { flagsOf } from "../../../scripts/build-addon.mjs";
import { platforms } from "../../../scripts/platforms.mjs";

const rustFlags = (name: string): string[] =>
  flagsOf(platforms.find((platform) => platform.name === name)!).CARGO_ENCODED_RUSTFLAGS.split("\x1f");

describe("flagsOf()", () => {
  it("links the C runtime into the addons for Windows, which may have none beside Node's own", () => {
    for (const name of ["win32-x64", "win32-arm64"]) expect(rustFlags(name)).toContain("-Ctarget-feature=+crt-static");
  });

  it("names the addons for macOS, which otherwise have the path of the machine that linked them", () => {
    const flag = "-Clink-arg=-Wl,-install_name,@rpath/tswebtransport.node";
    for (const name of ["darwin-x64", "darwin-arm64"]) expect(rustFlags(name)).toContain(flag);
    expect(rustFlags("linux-x64").join()).not.toContain("install_name");
  });

  it("links no second musl", () => {
    expect(rustFlags("linux-x64-musl")).toContain("-Ctarget-feature=-crt-static");
    expect(rustFlags("linux-x64").join()).not.toContain("crt-static");
  });
});
