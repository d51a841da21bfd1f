import { generateSelfSignedCertificate } from "../certificates/self-signed.ts";
import { connect } from "../client/connect.ts";
import type { ClientOptions } from "../client/connect.ts";
import { memoryEngine } from "../engine/memory/memory-engine.ts";
import type { MemoryEngine } from "../engine/memory/memory-engine.ts";
import { ServerError } from "../errors/errors.ts";
import type { ServerApp } from "../server/app.ts";
import type { WebTransportSession } from "../transport/session/session.ts";

/** Options of `createTestPair`. */
export interface TestPairOptions {
  /** Where server and clients meet. Default: an engine of their own, without delay and loss. */
  readonly engine?: MemoryEngine;
}

/** Options of a client, less those that the pair sets itself. */
export type TestClientOptions = Omit<ClientOptions, "engine" | "serverCertificateHashes" | "ca" | "insecure">;

/** An application and its clients in one process. */
export interface TestPair {
  /** Its link's conditions can be changed, its clock be advanced. */
  readonly engine: MemoryEngine;
  /** Where the application listens, without a path. */
  readonly origin: string;
  /**
   * Opens a session to a path of the application ("/chat?room=1"), each over a connection of its own.
   * Rejects as `connect` of `tswebtransport/client` does: with HttpError when the application refuses.
   */
  connect(path: string, options?: TestClientOptions): Promise<WebTransportSession>;
  /** Ends every session that is left, then the application; resolves when nothing of them is left. Idempotent. */
  close(): Promise<void>;
  /** Closes it: `await using` does so at the end of the block. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts an application on a network in memory: no socket, no port, no waiting for packets. Startup hooks, middleware,
 * routes and handlers run as they do in production; certificate, host and port of its configuration are not used.
 *
 * ```ts
 * await using pair = await createTestPair(app);
 * const session = await pair.connect("/echo");
 * ```
 */
export async function createTestPair<Locals>(app: ServerApp<Locals>, options: TestPairOptions = {}): Promise<TestPair> {
  const engine = options.engine ?? memoryEngine();
  const certificate = await generateSelfSignedCertificate();
  const address = await app.listen({
    host: "localhost",
    port: 0,
    engine,
    certificate: () => Promise.resolve(certificate),
  });
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
      const url = new URL(path, origin);
      const serverCertificateHashes = [certificate.certificateHash];
      return connect(url, { ...clientOptions, engine, serverCertificateHashes });
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
