import { generateSelfSignedCertificate } from "../certificates/self-signed.ts";
import { connect } from "../client/connect.ts";
import type { ClientOptions } from "../client/connect.ts";
import { checkOptions } from "../config/given-options.ts";
import { aFunction } from "../config/option-checks.ts";
import type { Check } from "../config/option-checks.ts";
import { refused } from "../config/option-table.ts";
import { memoryEngine } from "../engine/memory/memory-engine.ts";
import type { MemoryEngine } from "../engine/memory/memory-engine.ts";
import { ServerError } from "../errors/errors.ts";
import type { ServerApp } from "../server/app.ts";
import type { WebTransportSession } from "../transport/session/session.ts";

/** Options of `createTestPair`. */
export interface TestPairOptions {
  /** Where server and clients meet. Default: an engine of their own, without delay and loss. */
  readonly engine?: MemoryEngine;
  /**
   * Lets the application's own timers fire that are due within so many milliseconds: where a test framework replaces
   * `setTimeout`, what moves its time (`(ms) => vi.advanceTimersByTimeAsync(ms)`, `(ms) => mock.timers.tick(ms)`). `advance`
   * calls it, so that they keep step with the network.
   */
  readonly advanceTimers?: (milliseconds: number) => unknown;
}

/** Options of a client, less those that the pair sets itself. A refusal is not tried again, unless `maxRetries` says so. */
export type TestClientOptions = Omit<ClientOptions, "engine" | "serverCertificateHashes" | "ca" | "insecure">;

/** An application and its clients in one process. */
export interface TestPair {
  /** Its link's conditions can be changed, its clock be advanced. */
  readonly engine: MemoryEngine;
  /** Where the application listens, without a path. */
  readonly origin: string;
  /**
   * Opens a session to a path of the application ("/chat?room=1"), each over a connection of its own.
   * Rejects as `connect` of `tswebtransport/client` does: with HttpError when the application refuses. ConfigurationError
   * for what is no path.
   */
  connect(path: string, options?: TestClientOptions): Promise<WebTransportSession>;
  /**
   * Lets `milliseconds` pass on the network, and for the application's timers where the pair was given `advanceTimers`: both
   * in turns, in steps of at least 10 ms, at most a thousand of them. Throws RangeError for a time that cannot pass.
   */
  advance(milliseconds: number): Promise<void>;
  /** Ends every session that is left, then the application; resolves when nothing of them is left. Idempotent. */
  close(): Promise<void>;
  /** Closes it: `await using` does so at the end of the block. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Milliseconds; of so many steps at most, so that a day passes in no time. */
const leastStep = 10;
const maxSteps = 1000;

/**
 * Starts an application on a network in memory: no socket, no port, no waiting for packets. Startup hooks, middleware,
 * routes and handlers run as they do in production; certificate, host and port of its configuration are not used. Rejects
 * with ConfigurationError for what is no app and for wrong options, else as {@link ServerApp.listen} does.
 *
 * ```ts
 * await using pair = await createTestPair(app);
 * const session = await pair.connect("/echo");
 * ```
 */
export async function createTestPair<Locals>(app: ServerApp<Locals>, options: TestPairOptions = {}): Promise<TestPair> {
  checkIsApp(app);
  checkOptions("createTestPair", options, { engine: memory, advanceTimers: aFunction });
  const engine = options.engine ?? memoryEngine();
  const certificate = await generateSelfSignedCertificate();
  const address = await app.listen({
    host: "localhost",
    port: 0,
    engine,
    certificate: () => Promise.resolve(certificate),
  });
  const { advanceTimers } = options;
  const origin = `https://localhost:${address.port}`;
  let isClosed = false;
  const close = async (): Promise<void> => {
    isClosed = true;
    await app.close({ timeout: 0 });
    // The clients' ends learn of it.
    await engine.clock.settle();
  };
  return {
    engine,
    origin,
    connect: async (path, clientOptions = {}) => {
      if (isClosed) throw new ServerError("Cannot connect: the test pair has been closed");
      const url = urlOf(path, origin);
      const serverCertificateHashes = [certificate.certificateHash];
      const retries = clientOptions.config === undefined ? { maxRetries: 0 } : {};
      return connect(url, { ...retries, ...clientOptions, engine, serverCertificateHashes });
    },
    advance: async (milliseconds) => {
      if (advanceTimers === undefined || !(milliseconds >= leastStep)) {
        await engine.clock.advance(milliseconds);
        await advanceTimers?.(milliseconds);
        return;
      }
      const step = Math.max(leastStep, milliseconds / maxSteps);
      for (let left = milliseconds; left > 0; left -= step) {
        const passing = Math.min(step, left);
        await engine.clock.advance(passing);
        await advanceTimers(passing);
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

const memory: Check = (value) =>
  typeof value === "object" && value !== null && "clock" in value && "createEndpoint" in value
    ? undefined
    : "must be an engine of memoryEngine()";

/** By its methods: a class of the server would be loaded for it, and an app may come from another copy of the package. */
function checkIsApp(given: unknown): void {
  const app = typeof given === "object" && given !== null ? given : {};
  if ("listen" in app && "close" in app && "routes" in app) return;
  throw refused("app", given, "must be a ServerApp");
}

function urlOf(path: unknown, origin: string): URL {
  const url = typeof path === "string" && URL.canParse(path, origin) ? new URL(path, origin) : undefined;
  // "//elsewhere/" is an address, and no path.
  if (url?.origin !== origin || !String(path).startsWith("/")) {
    throw refused("path", path, 'must be a path of the application, which starts with "/"');
  }
  return url;
}
