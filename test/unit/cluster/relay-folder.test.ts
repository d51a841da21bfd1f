import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { RelayFolder } from "../../../src/cluster/workers/relay-folder.ts";
import { ServerError } from "../../../src/errors/errors.ts";

describe.skipIf(process.platform === "win32")("RelayFolder", () => {
  let parent = "";
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), "relay-folder-test-"));
    vi.stubEnv("TMPDIR", parent);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(parent, { recursive: true, force: true });
  });

  it("gives paths in a folder of this user, none of them twice, and takes the folder away", async () => {
    const folder = new RelayFolder();
    const paths = [folder.newPath(), folder.newPath()];
    expect(new Set(paths).size).toBe(2);
    const [place] = paths.map(dirname);
    expect(dirname(place!)).toBe(parent);
    expect(statSync(place!).mode & 0o777).toBe(0o700);
    await folder.remove();
    expect(existsSync(place!)).toBe(false);
    await folder.remove();
  });

  it("takes another folder when its own was taken away", async () => {
    const folder = new RelayFolder();
    const before = dirname(folder.newPath());
    rmSync(before, { recursive: true });
    // Somebody else may have made one with the same name later.
    const after = dirname(folder.newPath());
    expect(after).not.toBe(before);
    expect(dirname(folder.newPath())).toBe(after);
    await folder.remove();
    expect(existsSync(after)).toBe(false);
  });

  it("does without a folder for temporary files whose path is too long for a socket", async () => {
    const long = join(parent, "x".repeat(100));
    mkdirSync(long);
    vi.stubEnv("TMPDIR", long);
    const folder = new RelayFolder();
    expect(Buffer.byteLength(folder.newPath())).toBeLessThan(104);
    await folder.remove();
  });

  it("says where it cannot make one", () => {
    vi.stubEnv("TMPDIR", join(parent, "nowhere"));
    expect(() => new RelayFolder()).toThrow(ServerError);
    expect(() => new RelayFolder()).toThrow(/nowhere: Error: ENOENT.* TMPDIR names another place$/);
  });
});
