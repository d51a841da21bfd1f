import { EngineError } from "../engine.ts";
import type { EndpointListener, EndpointOptions, QuicEndpoint, QuicEngine } from "../engine.ts";
import { loadAddon, withEngineErrors } from "./addon-loader.ts";
import type { GeneratedCertificate } from "./addon-loader.ts";
import { NativeQuicEndpoint } from "./native-endpoint.ts";

export interface NativeEngineOptions {
  /**
   * What says that a turn is due: "uv" (Node's own event loop; Linux) or "poll" (a thread of its own; everywhere).
   * Default: TSWEBTRANSPORT_WAKER, else "uv" where it works.
   */
  readonly waker?: "uv" | "poll";
}

/** The QUIC engine of quinn-proto and rustls. The addon is loaded with the first endpoint. */
export function nativeEngine(options: NativeEngineOptions = {}): QuicEngine {
  const waker = options.waker ?? defaultWaker();
  return {
    name: `native (${waker})`,
    createEndpoint(endpointOptions: EndpointOptions, listener: EndpointListener): Promise<QuicEndpoint> {
      // A promise even for faults of the options.
      return new Promise((resolve) => {
        resolve(new NativeQuicEndpoint(loadAddon(), waker, endpointOptions, listener));
      });
    },
  };
}

/** Generates a self-signed certificate: ECDSA P-256, valid for `days`, with these subject alternative names. */
export function generateCertificate(hostnames: readonly string[], days: number): GeneratedCertificate {
  return loadAddon().generateSelfSignedCertificate([...hostnames], days);
}

/** Generates an authority's own certificate: ECDSA P-256, valid for `days`. */
export function generateAuthority(commonName: string, days: number): GeneratedCertificate {
  return loadAddon().generateAuthority(commonName, days);
}

/** As {@link generateCertificate}, issued by the authority of this PEM certificate and key. */
export function issueCertificate(
  hostnames: readonly string[],
  days: number,
  authority: { readonly cert: string; readonly key: string },
): GeneratedCertificate {
  return withEngineErrors(() => loadAddon().issueCertificate([...hostnames], days, authority.cert, authority.key));
}

function defaultWaker(): "uv" | "poll" {
  const chosen = process.env["TSWEBTRANSPORT_WAKER"];
  if (chosen === "uv" || chosen === "poll") return chosen;
  if (chosen !== undefined && chosen !== "") {
    throw new EngineError(
      "invalid-option",
      `TSWEBTRANSPORT_WAKER must be "uv" or "poll": current value is "${chosen}"`,
    );
  }
  // Deno and Bun have no libuv, or one that crashes in uv_poll.
  const isNode = !("deno" in process.versions) && !("bun" in process.versions);
  return process.platform === "linux" && isNode ? "uv" : "poll";
}
