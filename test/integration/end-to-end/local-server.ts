/** A server in the test's own process, over real UDP: its counters can be read at any turn. */
import { generateSelfSignedCertificate } from "../../../src/certificates/self-signed.ts";
import { connect } from "../../../src/client/connect.ts";
import type { ClientOptions } from "../../../src/client/connect.ts";
import type { ServerConfigOptions } from "../../../src/config/server-config.ts";
import { ServerApp } from "../../../src/server/app.ts";
import type { ServerStats } from "../../../src/server/server-stats.ts";
import type { WebTransportSession } from "../../../src/transport/session/session.ts";

export const certificate = await generateSelfSignedCertificate({ hostname: "localhost" });

export class LocalServer {
  readonly app: ServerApp;
  readonly port: number;

  private constructor(app: ServerApp, port: number) {
    this.app = app;
    this.port = port;
  }

  /** `configure` adds the routes. */
  static async start(configure: (app: ServerApp) => void, config: ServerConfigOptions = {}): Promise<LocalServer> {
    const { cert, key } = certificate;
    const app = new ServerApp({ config: { cert, key, accessLog: false, logLevel: "silent", ...config } });
    configure(app);
    const { port } = await app.listen({ host: "127.0.0.1", port: 0 });
    return new LocalServer(app, port);
  }

  get stats(): ServerStats {
    return this.app.server.getServerStats();
  }

  url(path: string): string {
    return `https://127.0.0.1:${this.port}${path}`;
  }

  connect(path: string, options: ClientOptions = {}): Promise<WebTransportSession> {
    return connect(this.url(path), { serverCertificateHashes: [certificate.certificateHash], ...options });
  }

  /** Resolves once nothing of any client is left: no session, stream, connection or native handle. */
  async empty(): Promise<void> {
    await turnsUntil(() => leftIn(this.stats) === 0);
  }

  async close(): Promise<void> {
    await this.app.close({ timeout: 0 });
  }
}

/** What a server keeps for its clients, in one figure. */
export function leftIn(stats: ServerStats): number {
  return stats.sessions + stats.streams + stats.connections + stats.engineConnections;
}

/** Looks again after each turn of the event loop; the test's time-out ends it. */
export async function turnsUntil(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** Sends `text` over a new bidirectional stream and returns what comes back. */
export async function echoed(session: WebTransportSession, text: string): Promise<string> {
  const stream = await session.createBidirectionalStream();
  await stream.writeAll(text);
  return new TextDecoder().decode(await stream.readAll());
}
