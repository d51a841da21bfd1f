import { describe, expect, it } from "vitest";

import { releaseNotes } from "../../../scripts/release-notes.mjs";

const changelog = `# Changelog

What a user notices.

## Unreleased

## 0.2.0 - 2026-12-01

### Added

- A thing.

## [0.1.0] - 2026-11-01

- The first.
`;

describe("releaseNotes()", () => {
  it("gives a version's section without its heading", () => {
    expect(releaseNotes(changelog, "0.2.0")).toBe("### Added\n\n- A thing.");
    expect(releaseNotes(changelog, "0.1.0")).toBe("- The first.");
  });

  it("refuses a version that the changelog does not have", () => {
    expect(() => void releaseNotes(changelog, "0.3.0")).toThrow(/says nothing of version 0\.3\.0/);
  });

  it("refuses while something is listed as unreleased", () => {
    const unreleased = changelog.replace("## Unreleased\n", "## Unreleased\n\n- Something.\n");
    expect(() => void releaseNotes(unreleased, "0.2.0")).toThrow(/section Unreleased/);
  });
});
