import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { PemPair } from "../../support/openssl.ts";
import { echoed } from "../end-to-end/local-server.ts";

import { CertificateWorld, fingerprint, freshPair } from "./certificate-world.ts";

describe("certificateReload", () => {
  let world: CertificateWorld;
  let old: PemPair;
  let renewed: PemPair;

  beforeEach(async () => {
    world = new CertificateWorld();
    [old, renewed] = [await freshPair(), await freshPair()];
  });
  afterEach(async () => {
    await world.close();
  });

  const served = (pair: PemPair): Promise<unknown> =>
    world.app.server.waitFor("certificate_updated", {
      condition: ({ certificate }) => certificate.fingerprint256 === fingerprint(pair),
    });
  const refusal = (code: string): Promise<unknown> =>
    world.app.server.waitFor("certificate_update_failed", { condition: ({ error }) => error.code === code });

  it("serves a pair that is renewed in two steps, once both files are there; established sessions live on", async () => {
    const files = world.files(old);
    await world.serve({ ...files, certificateReload: true });
    const session = await world.connect();
    const doesNotFit = refusal("ERR_WT_CERTIFICATE_MISMATCH");
    world.write("cert.pem", renewed.cert);
    await doesNotFit;
    expect(await world.shown()).toBe(fingerprint(old));
    expect(world.lines.at(-1)).toMatch(
      /^the old certificate is served on, until certfile or keyfile changes again: .*does not belong/,
    );
    const updated = served(renewed);
    world.write("key.pem", renewed.key);
    await updated;
    expect(await world.shown()).toBe(fingerprint(renewed));
    expect(world.lines.at(-1)).toBe("new handshakes get another certificate");
    expect(await echoed(session, "lives on")).toBe("lives on");
    await session.close();
  });

  it("keeps the old certificate while the new one is half-written, broken or missing", async () => {
    const { certfile } = world.files(old);
    await world.serve({ certfile, keyfile: world.path("key.pem"), certificateReload: true });
    const steps: readonly (readonly [code: string, change: () => void])[] = [
      ["ERR_WT_CERTIFICATE_INVALID", () => world.write("cert.pem", renewed.cert.slice(0, 200))],
      ["ERR_WT_CERTIFICATE_INVALID", () => world.write("cert.pem", "")],
      ["ERR_WT_CERTIFICATE_NOT_FOUND", () => unlinkSync(certfile)],
      ["ERR_WT_CERTIFICATE_INVALID", () => world.write("cert.pem", renewed.key)],
    ];
    for (const [code, change] of steps) {
      const failed = refusal(code);
      change();
      await failed;
      expect(await world.shown()).toBe(fingerprint(old));
    }
    const updated = served(renewed);
    world.files(renewed);
    await updated;
    expect(await world.shown()).toBe(fingerprint(renewed));
  });

  it("follows the links of certbot's live folder, at each renewal", async () => {
    const names = { cert: "fullchain", key: "privkey" } as const;
    const [live, archive] = [world.path("live", "site"), world.path("archive", "site")];
    for (const folder of [live, archive]) mkdirSync(folder, { recursive: true });
    const renew = (pair: PemPair, count: number): void => {
      for (const part of ["cert", "key"] as const) {
        writeFileSync(`${archive}/${names[part]}${count}.pem`, pair[part]);
        rmSync(`${live}/${names[part]}.pem`, { force: true });
        symlinkSync(`../../archive/site/${names[part]}${count}.pem`, `${live}/${names[part]}.pem`);
      }
    };
    renew(old, 1);
    await world.serve({ certfile: `${live}/fullchain.pem`, keyfile: `${live}/privkey.pem`, certificateReload: true });
    for (const [index, pair] of [renewed, await freshPair()].entries()) {
      const updated = served(pair);
      renew(pair, index + 2);
      await updated;
      expect(await world.shown()).toBe(fingerprint(pair));
    }
  });

  it("notices that a folder on the way is exchanged: by a link, or by renaming, again and again", async () => {
    const put = (folder: string, pair: PemPair): void => void world.files(pair, `${folder}/`);
    put("..1", old);
    symlinkSync("..1", world.path("..data"));
    symlinkSync("..data/cert.pem", world.path("cert.pem"));
    symlinkSync("..data/key.pem", world.path("key.pem"));
    await world.serve({ certfile: world.path("cert.pem"), keyfile: world.path("key.pem"), certificateReload: true });
    const turn = (to: string): void => {
      symlinkSync(to, world.path("..next"));
      renameSync(world.path("..next"), world.path("..data"));
    };
    const rename = (to: string): void => {
      renameSync(world.path("..2"), world.path(`${to}-old`));
      renameSync(world.path(to), world.path("..2"));
    };
    const pairs = [renewed, await freshPair(), await freshPair(), await freshPair()];
    for (const [index, pair] of pairs.entries()) {
      const folder = `..${index + 2}`;
      put(folder, pair);
      const updated = served(pair);
      // Twice the link, then what it leads to.
      if (index === 0) turn(folder);
      else if (index === 1) {
        turn(folder);
        rmSync(world.path("..2"), { recursive: true });
        renameSync(world.path(folder), world.path("..2"));
        turn("..2");
      } else rename(folder);
      await updated;
      expect(await world.shown()).toBe(fingerprint(pair));
    }
  });

  it("exchanges the certificates of sni, each for itself", async () => {
    const [other, wild, next] = [await freshPair(), await freshPair(), await freshPair()];
    const sni = { "other.test": world.files(other, "other-"), "*.wild.test": world.files(wild, "wild-") };
    await world.serve({ ...world.files(old), sni, certificateReload: true });
    const doesNotFit = refusal("ERR_WT_CERTIFICATE_MISMATCH");
    const updated = world.app.server.waitFor("certificate_updated");
    world.write("cert.pem", renewed.cert);
    world.files(next, "wild-");
    await doesNotFit;
    expect(await updated).toMatchObject({ serverName: "*.wild.test" });
    expect(await world.shown("a.wild.test")).toBe(fingerprint(next));
    expect(await world.shown("other.test")).toBe(fingerprint(other));
    expect(await world.shown()).toBe(fingerprint(old));
    const named = world.app.server.waitFor("certificate_update_failed");
    world.write("other-key.pem", next.key);
    expect((await named).error.message).toBe(
      'Cannot use the certificate: sni "other.test": the private key does not belong to the certificate',
    );
  });

  it("takes what has changed while the server was starting", async () => {
    const files = world.files(old);
    const app = await world.serve({ ...files, certificateReload: true });
    const updated = served(renewed);
    // In the same turn as listen() has ended: the files are not watched yet.
    world.files(renewed);
    await updated;
    expect(app.server.isServing).toBe(true);
  });

  it("keeps no process alive, and ends with the server", async () => {
    await world.serve({ ...world.files(old), certificateReload: true });
    const updated = served(renewed);
    world.files(renewed);
    await updated;
    const watchers = (): string[] => process.getActiveResourcesInfo().filter((name) => name.startsWith("FSEvent"));
    expect(watchers()).toEqual([]);
    await world.app.close({ timeout: 0 });
    const { lines } = world;
    const count = lines.length;
    world.files(old);
    const second = await world.serve({ ...world.files(old), certificateReload: true });
    const again = second.server.waitFor("certificate_updated");
    world.files(await freshPair());
    await again;
    // The first server would have told of it, too.
    expect(lines.slice(count).filter((line) => line === "new handshakes get another certificate")).toHaveLength(1);
  });
});
