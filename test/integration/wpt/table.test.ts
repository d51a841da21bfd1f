import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";

const here = new URL(".", import.meta.url);

describe("docs/wpt.md", () => {
  const table = readFileSync(new URL("../../../docs/wpt.md", here), "utf8").replaceAll(/\s+/g, " ");

  it("has a row for every file of the Web Platform Tests that is re-expressed here, and no other", () => {
    const described = readdirSync(here)
      .filter((name) => name.endsWith(".test.ts") && name !== "table.test.ts")
      .flatMap((name) => [...readFileSync(new URL(name, here), "utf8").matchAll(/^describe\("([^"]+)"/gm)])
      .map(([, title]) => title);
    const rows = [...table.matchAll(/\| ([a-z-]+) \| \d+ \| all \|/g)].map(([, title]) => title);
    expect(rows).toEqual(described.sort());
  });

  it("tells every deviation and why", () => {
    const notHeld = JSON.parse(readFileSync(new URL("not-held.json", here), "utf8")) as { test: string; why: string }[];
    for (const { test, why } of notHeld) expect(table).toContain(`${test}: ${why}`);
  });
});
