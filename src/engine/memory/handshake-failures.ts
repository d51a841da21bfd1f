import type { ConnectionClosed } from "../engine.ts";
import { handshakeFailuresOf, refusalCauses } from "../handshake-failures.ts";
import type { HandshakeFailureCause, HandshakeFailures } from "../handshake-failures.ts";

/** Counts the clients that did not become connections, by cause. */
export class HandshakeFailureCounts {
  readonly #counts = new Map<HandshakeFailureCause, number>();

  count(cause: HandshakeFailureCause): void {
    this.#counts.set(cause, this.#of(cause) + 1);
  }

  get all(): HandshakeFailures {
    return handshakeFailuresOf((cause) => this.#of(cause));
  }

  get refused(): number {
    return refusalCauses.reduce((sum, cause) => sum + this.#of(cause), 0);
  }

  #of(cause: HandshakeFailureCause): number {
    return this.#counts.get(cause) ?? 0;
  }
}

/** The cause of a client's handshake that ended so; the rules are those of `native/core/src/handshake_failures.rs`. */
export function causeOf({ by, kind, code }: ConnectionClosed): HandshakeFailureCause {
  if (kind === "idle-timeout" || kind === "handshake-timeout") return "timeout";
  if (kind === "version-mismatch") return "version";
  if (kind === "stateless-reset") return "client_gone";
  if (kind === "application") return by === "local" ? "closing" : "client_gone";
  if (kind === "transport" && code >= 0x100n && code <= 0x1ffn) return causeOfAlert(by, Number(code) & 0xff);
  // RFC 9000 §20.1: NO_ERROR, and APPLICATION_ERROR, which stands for any code of an application before the handshake's end.
  if (kind === "transport" && by === "peer" && (code === 0n || code === 0x0cn)) return "client_gone";
  return "transport_error";
}

/** RFC 8446 §6.2. */
function causeOfAlert(by: ConnectionClosed["by"], alert: number): HandshakeFailureCause {
  if (alert === 120) return "application_protocol";
  // bad_certificate … certificate_unknown; unknown_ca
  const isOfCertificate = (alert >= 42 && alert <= 46) || alert === 48;
  if (by === "peer" && isOfCertificate) return "certificate_rejected";
  // certificate_required as well
  if (by === "local" && (isOfCertificate || alert === 116)) return "client_certificate";
  return "tls";
}
