/** Puts certificates in place whose files have changed. */

import type { Logger } from "../../config/logger.ts";
import type { TlsIdentity } from "../../engine/engine.ts";
import { CertificateError } from "../../errors/errors.ts";

import { readCertificate } from "./certificates.ts";
import type { CertificateSource, LoadedCertificate } from "./certificates.ts";
import { PathWatch } from "./path-watch.ts";

/** Milliseconds after the first change: a program that renews a pair has usually written both files by then. */
const settleTime = 100;

export interface CertificateReloadOptions {
  /** As they are served. */
  readonly certificates: readonly LoadedCertificate[];
  readonly logger: Logger;
  /** Serves it. Throws CertificateError and changes nothing when it cannot be used. */
  update(identity: TlsIdentity, serverName: string | undefined): void;
  /** The old one is served on. */
  failed(error: CertificateError, serverName: string | undefined): void;
}

/** A pair of files, and what was read of it last, usable or not. */
interface WatchedPair {
  readonly source: CertificateSource;
  digest: string;
}

/**
 * Each pair for itself: one that cannot be used keeps no other from being exchanged, and is tried again when one of its
 * files changes. Does not keep the process alive.
 */
export class CertificateReload {
  readonly #options: CertificateReloadOptions;
  readonly #pairs: readonly WatchedPair[];
  readonly #watch: PathWatch;
  #timer: NodeJS.Timeout | undefined;
  #isReading = false;
  #changes = 0;
  #isClosed = false;

  constructor(options: CertificateReloadOptions) {
    this.#options = options;
    const { certificates, logger } = options;
    this.#pairs = certificates
      .filter(({ source }) => pathsOf(source).length > 0)
      .map(({ source, identity }) => ({ source, digest: digestOf(identity) }));
    this.#watch = new PathWatch(
      this.#pairs.flatMap(({ source }) => pathsOf(source)),
      {
        changed: () => {
          this.#changed();
        },
        failed: (folder, error) => {
          logger.error({ folder, error }, cannotWatch);
        },
      },
    );
  }

  /** Resolves when the files are watched, and what changed since they were read is in place. */
  async start(): Promise<void> {
    await this.#read();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#watch.close();
  }

  #changed(): void {
    this.#changes += 1;
    if (!this.#isReading && !this.#isClosed) this.#timer ??= setTimeout(() => void this.#read(), settleTime).unref();
  }

  async #read(): Promise<void> {
    this.#timer = undefined;
    this.#isReading = true;
    const changes = this.#changes;
    // Watched first, read then: what changes in between is told.
    await this.#watch.renew();
    for (const pair of this.#pairs) await this.#readPair(pair);
    this.#isReading = false;
    if (this.#changes !== changes) this.#changed();
  }

  async #readPair(pair: WatchedPair): Promise<void> {
    const { source } = pair;
    let digest = "";
    try {
      const identity = await readCertificate(source);
      digest = digestOf(identity);
      if (this.#isClosed || digest === pair.digest) return;
      this.#options.update(identity, source.serverName);
    } catch (error) {
      // Told once for each content of the files, a missing one included.
      if (this.#isClosed || digest === pair.digest) return;
      this.#failed(error, source);
    }
    pair.digest = digest;
  }

  #failed(cause: unknown, { serverName, certfile, keyfile }: CertificateSource): void {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const error =
      cause instanceof CertificateError
        ? cause
        : new CertificateError(`Cannot use the certificate: ${reason}`, { cause });
    const text = `the old certificate is served on, until certfile or keyfile changes again: ${reason}`;
    this.#options.logger.warn({ serverName, certfile, keyfile, code: error.code }, text);
    this.#options.failed(error, serverName);
  }
}

const cannotWatch =
  "certificateReload cannot watch this folder: let the process read it; for ENOSPC raise fs.inotify.max_user_watches " +
  "(sysctl), for EMFILE fs.inotify.max_user_instances. Until then updateCertificate() puts a renewed certificate in place";

function pathsOf({ cert, key, certfile, keyfile }: CertificateSource): string[] {
  const paths = [cert === undefined ? certfile : undefined, key === undefined ? keyfile : undefined];
  return paths.filter((path) => path !== undefined);
}

/** So that no second copy of the private key is kept. */
function digestOf({ cert, key }: TlsIdentity): string {
  const { createHash } = process.getBuiltinModule("node:crypto");
  return createHash("sha256").update(cert).update("\0").update(key).digest("base64");
}
