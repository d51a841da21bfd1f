import type { ServerConfigValues } from "../../config/server-config.ts";
import { alpn } from "../../constants/http3.ts";
import type { EndpointOptions, ServerOptions } from "../../engine/engine.ts";
import { controlStreamPreamble } from "../../protocol/options.ts";
import { transportOf } from "../../transport/connection/configured.ts";
import type { ConnectionSettings } from "../../transport/connection/settings.ts";

/** What a server's endpoints are made with, whatever their host. */
export function endpointOptions(
  values: ServerConfigValues,
  settings: ConnectionSettings,
  { port, identity, sni }: { readonly port: number } & Pick<ServerOptions, "identity" | "sni">,
): Omit<EndpointOptions, "host"> {
  const { caCerts, maxConnectionsPerAddress } = values;
  return {
    port,
    reusePort: values.reusePort,
    server: {
      identity,
      alpn: [alpn],
      maxConnections: values.maxConnections,
      retry: values.retry,
      clientCertificates: values.verifyMode,
      ...(maxConnectionsPerAddress === undefined ? {} : { maxConnectionsPerAddress }),
      ...(sni === undefined ? {} : { sni }),
      ...(caCerts === undefined ? {} : { clientCa: caCerts }),
    },
    transport: {
      ...transportOf(values),
      // Each session's CONNECT stream is a bidirectional one.
      maxIncomingBidirectionalStreams: values.maxIncomingStreams + values.maxSessionsPerConnection,
      preamble: [controlStreamPreamble(settings.core)],
    },
  };
}
