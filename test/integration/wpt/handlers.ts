/** A server whose handlers do what those of the Web Platform Tests do. */
import { generateSelfSignedCertificate } from "../../../src/certificates/self-signed.ts";
import type { SelfSignedCertificate } from "../../../src/certificates/self-signed.ts";
import type { QuicConnection, QuicEngine } from "../../../src/engine/engine.ts";
import { nativeEngine } from "../../../src/engine/native/native-engine.ts";
import { StreamError } from "../../../src/errors/errors.ts";
import { WebTransportServer } from "../../../src/server/index.ts";
import type { IncomingSession } from "../../../src/transport/session/request.ts";
import type { ReceiveSide, Session } from "../../../src/transport/types.ts";
import { WebTransport } from "../../../src/w3c/index.ts";
import type { WebTransportOptions } from "../../../src/w3c/index.ts";

/** How the client has ended something, as its test asks for it. */
export interface Recorded {
  readonly sessionClosed: Promise<unknown>;
  readonly streamClosed: Promise<{ source: "FIN" } | { source: "reset"; code: number }>;
}

interface Recorder {
  session(info: unknown): void;
  stream(how: { source: "FIN" } | { source: "reset"; code: number }): void;
}

type Handler = (session: Session, query: URLSearchParams) => Promise<void>;

export class WptServer {
  readonly #server: WebTransportServer;
  readonly #recorders = new Map<string, Recorder>();
  readonly #connections = new Map<string, QuicConnection>();
  readonly #certificate: SelfSignedCertificate;
  readonly #opened: WebTransport[] = [];
  #port = 0;
  #tokens = 0;

  private constructor(certificate: SelfSignedCertificate) {
    this.#certificate = certificate;
    const { cert, key } = certificate;
    this.#server = new WebTransportServer({ config: { cert, key, logLevel: "silent" }, engine: this.#watchedEngine() });
    this.#server.handleSessions((incoming) => this.#handle(incoming));
  }

  static async start(): Promise<WptServer> {
    const server = new WptServer(await generateSelfSignedCertificate());
    ({ port: server.#port } = await server.#server.listen({ host: "127.0.0.1", port: 0 }));
    return server;
  }

  async close(): Promise<void> {
    await this.#server.close({ timeout: 0 });
  }

  url(handler: string): string {
    return `https://127.0.0.1:${this.#port}/${handler}`;
  }

  /** A session that trusts the server's certificate, and is closed by {@link closeSessions}. */
  open(handler: string, options: WebTransportOptions = {}): WebTransport {
    const trust: WebTransportOptions =
      options.allowPooling === true
        ? { config: { ca: this.#certificate.cert } }
        : { serverCertificateHashes: [this.#certificate.certificateHash] };
    const transport = new WebTransport(this.url(handler), { ...trust, ...options });
    this.#opened.push(transport);
    return transport;
  }

  closeSessions(): void {
    for (const transport of this.#opened.splice(0)) transport.close();
  }

  /** What becomes of the session with `?token=` and its streams. */
  recorder(): { token: string; record: Recorded } {
    this.#tokens += 1;
    const token = String(this.#tokens);
    let session: Recorder["session"] = () => {};
    let stream: Recorder["stream"] = () => {};
    const record: Recorded = {
      sessionClosed: new Promise((resolve) => (session = resolve)),
      streamClosed: new Promise((resolve) => (stream = resolve)),
    };
    this.#recorders.set(token, { session, stream });
    return { token, record };
  }

  async #handle(incoming: IncomingSession): Promise<void> {
    const name = incoming.path.slice(1);
    const { searchParams } = incoming.url;
    if (name === "custom-response") {
      await customResponse(incoming, searchParams);
      return;
    }
    const handler = this.#handlers[name];
    if (handler === undefined) {
      await incoming.reject(404);
      return;
    }
    const session = (await incoming.accept()) as unknown as Session;
    handler(session, searchParams).catch(() => {});
  }

  readonly #handlers: Readonly<Record<string, Handler>> = {
    echo: async (session) => {
      await Promise.all([
        session.createBidirectionalStream().then((stream) => echo(stream, stream)),
        echoStreams(session),
        echoDatagrams(session, (datagram) => datagram),
      ]);
    },
    "echo-datagram-length": (session) =>
      echoDatagrams(session, ({ byteLength }) => JSON.stringify({ length: byteLength })),
    "echo-request-headers": async (session) => {
      const stream = await session.createUnidirectionalStream();
      await stream.writeAll(JSON.stringify(Object.fromEntries(session.headers)));
    },
    "client-close": async (session, query) => {
      const recorder = this.#recorders.get(query.get("token") ?? "");
      void session.closed.then((info) => recorder?.session(info));
      const watch = (stream: ReceiveSide): void => {
        void untilEnd(stream).then((how) => recorder?.stream(how));
      };
      const own = await session.createBidirectionalStream();
      watch(own);
      await own.write("hello");
      for await (const stream of session.incomingStreams()) watch(stream);
    },
    "server-close": async (session, query) => {
      await session.close({ code: Number(query.get("code") ?? 0), reason: query.get("reason") ?? "" });
    },
    "server-connection-close": async (session) => {
      const stream = await session.createBidirectionalStream();
      await stream.write("hello");
      await stream.read();
      const { host, port } = session.remoteAddress;
      this.#connections.get(`${host}:${port}`)?.close(0x102n, "on purpose");
    },
    "server-drain": async (session) => {
      session.drain();
      await echoStreams(session);
    },
    "server-create-multiple-streams": async (session, query) => {
      for (let index = 0; index < Number(query.get("count")); index += 1) {
        const isBidirectional = query.get("type") === "bidi";
        const stream = isBidirectional
          ? await session.createBidirectionalStream()
          : await session.createUnidirectionalStream();
        await stream.writeAll(`stream${index}`);
      }
    },
    "abort-stream-from-server": async (session, query) => {
      const code = Number(query.get("code"));
      for await (const stream of session.incomingStreams()) {
        await stream.read();
        stream.stop(code);
        if (stream.direction === "bidirectional") stream.reset(code);
      }
    },
  };

  /** The native engine, whose connections the handlers can close with a code of their own. */
  #watchedEngine(): QuicEngine {
    const connections = this.#connections;
    return {
      name: "watched",
      createEndpoint: (options, listener) =>
        nativeEngine().createEndpoint(options, {
          connection: (connection, info) => {
            connections.set(`${info.remoteAddress.host}:${info.remoteAddress.port}`, connection);
            return listener.connection(connection, info);
          },
          failed: (error) => listener.failed(error),
        }),
    };
  }
}

/** Every parameter is a header of the response. */
async function customResponse(incoming: IncomingSession, query: URLSearchParams): Promise<void> {
  const status = Number(query.get(":status") ?? 200);
  const headers = [...query].filter(([name]) => !name.startsWith(":"));
  if (status >= 300) await incoming.reject(status, { headers });
  else await incoming.accept({ headers });
}

async function echo(
  from: AsyncIterable<Uint8Array>,
  to: { write(data: Uint8Array): Promise<void>; finish(): void },
): Promise<void> {
  for await (const chunk of from) await to.write(chunk);
  to.finish();
}

async function echoStreams(session: Session): Promise<void> {
  for await (const stream of session.incomingStreams()) {
    const answer = async (): Promise<void> => {
      if (stream.direction === "bidirectional") {
        await echo(stream, stream);
        return;
      }
      const bytes = await stream.readAll();
      await (await session.createUnidirectionalStream()).writeAll(bytes);
    };
    answer().catch(() => {});
  }
}

async function echoDatagrams(session: Session, answer: (datagram: Uint8Array) => Uint8Array | string): Promise<void> {
  for await (const datagram of session.datagrams) await session.datagrams.send(answer(datagram));
}

async function untilEnd(stream: ReceiveSide): Promise<{ source: "FIN" } | { source: "reset"; code: number }> {
  try {
    await stream.readAll();
    return { source: "FIN" };
  } catch (error) {
    return { source: "reset", code: error instanceof StreamError ? error.errorCode : -1 };
  }
}
