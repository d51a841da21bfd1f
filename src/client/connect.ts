import type { QuicEngine, TransportOptions } from "../engine/engine.ts";
import type { ConnectionSettingsInit } from "../transport/connection/settings.ts";
import type { WebTransportSession } from "../transport/session/session.ts";
import type { SignalOption } from "../transport/types.ts";

import { ClientConfig } from "./client-config.ts";
import type { ClientConfigOptions, ClientConfigValues } from "./client-config.ts";
import { connectChannel } from "./connect-channel.ts";
import type { Lookup } from "./lookup.ts";
import { parseTarget } from "./target.ts";

export interface ClientOptions extends ClientConfigOptions, SignalOption {
  /** The other options override it. */
  readonly config?: ClientConfig | ClientConfigOptions;
  /** QUIC's own options, which override the configuration. For tests and tools. */
  readonly transport?: TransportOptions;
  /** The connection's settings, which override the configuration. For tests and tools. @internal */
  readonly session?: ConnectionSettingsInit;
  /** Default: the native engine, loaded when it is first needed. */
  readonly engine?: QuicEngine;
  /** Of the shape of `dns.lookup`, which it is by default: the operating system's resolver. */
  readonly lookup?: Lookup;
  /** Calls back after milliseconds; the result takes it back. Default: the process's timers. */
  readonly setTimer?: (milliseconds: number, callback: () => void) => () => void;
}

/**
 * Connects to a WebTransport server and opens a session. Closing the session closes its connection, too, unless another
 * one shares it (`allowPooling`), and nothing is left that keeps the process alive.
 *
 * A name's IPv6 and IPv4 addresses are raced (RFC 8305). A failure that may pass is tried again (`maxRetries`), all within
 * `connectTimeout`. Redirects are not followed. Rejects with the signal's reason, or with an error whose `handshakeStage`
 * says how far it came and whose text says what to do: ConfigurationError (URL, options), ConnectionError (address, UDP,
 * QUIC), CertificateError, HandshakeError (ALPN, SETTINGS), HttpError (the server's status), SessionError (the server
 * refused, or chose a subprotocol that was not offered), TimeoutError. Nothing handles this rejection but the caller; no
 * other promise of a failed call rejects.
 */
export async function connect(url: string | URL, options: ClientOptions = {}): Promise<WebTransportSession> {
  const { config, signal, transport = nothing, session = nothing, engine, lookup, setTimer, ...others } = options;
  const target = parseTarget(url);
  const { values } = ClientConfig.create(config).update(others);
  // A server, which imports the same package, starts sooner without them.
  const [{ Connector }, { lookup: systemLookup }] = await Promise.all([import("./connector.ts"), import("node:dns")]);
  const run = (given: ClientConfigValues): Promise<WebTransportSession> => {
    const connector = new Connector(target, {
      config: given,
      transport,
      settings: session,
      signal,
      surroundings: {
        engine: engine ?? nativeEngine,
        lookup: lookup ?? systemLookup,
        setTimer: setTimer ?? setProcessTimer,
      },
    });
    return connector.run();
  };
  if (!connectChannel.hasSubscribers) return run(values);
  const headers = new Headers(values.headers as Headers | undefined);
  return connectChannel.tracePromise(() => run({ ...values, headers }), { url: target.url, headers });
}

/** One object for all calls: pooled connections are compared by it. */
const nothing = Object.freeze({});

async function nativeEngine(): Promise<QuicEngine> {
  const native = await import("../engine/native/native-engine.ts");
  return native.nativeEngine();
}

function setProcessTimer(milliseconds: number, callback: () => void): () => void {
  const timer = setTimeout(callback, milliseconds);
  return () => {
    clearTimeout(timer);
  };
}
