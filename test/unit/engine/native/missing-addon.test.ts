import { describe, expect, it } from "vitest";

import { platforms } from "../../../../scripts/platforms.mjs";
import { missingAddonText, prebuilt } from "../../../../src/engine/native/missing-addon.ts";

describe("missingAddonText()", () => {
  it("names every platform that a release has an addon for", () => {
    expect(prebuilt).toEqual(platforms.map(({ name }) => name));
    const text = missingAddonText("freebsd-x64", ["@tswebtransport/freebsd-x64: Cannot find module"]);
    for (const name of prebuilt) expect(text).toContain(name);
  });

  it("tells a platform without an addon how to build one, and what was tried", () => {
    const text = missingAddonText("freebsd-x64", ["@tswebtransport/freebsd-x64: Cannot find module"]);
    expect(text).toContain("There is no prebuilt addon for freebsd-x64");
    expect(text).toContain("@tswebtransport/freebsd-x64: Cannot find module");
    expect(text).toContain("npm run build");
    expect(text).toContain("TSWEBTRANSPORT_ADDON");
  });

  it("tells a platform whose package is missing how to install it", () => {
    const text = missingAddonText("linux-x64", []);
    expect(text).toContain("@tswebtransport/linux-x64 brings it");
    expect(text).toContain("npm install --include=optional");
    expect(text).not.toContain("There is no prebuilt addon");
  });
});
