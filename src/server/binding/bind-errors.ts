import { hostAndPort } from "../../base/host-and-port.ts";
import { certificateRefused } from "../../certificates/faults.ts";
import { EngineError } from "../../engine/engine.ts";
import { ConfigurationError, ServerError } from "../../errors/errors.ts";

/** What the engine could not do, said in terms of the caller's options and with the way out. */
export function explainListenError(error: unknown, host: string, port: number): Error {
  if (!(error instanceof EngineError)) {
    return error instanceof Error ? error : new Error(String(error));
  }
  const bindAddress = hostAndPort(host, port);
  const common = { bindAddress, cause: error };
  switch (error.code) {
    case "address-in-use":
      return new ServerError(
        `Cannot listen on ${bindAddress}: UDP port ${port} is in use. End the program that has it, or choose another ` +
          "port (0 picks a free one)",
        { code: "ERR_WT_ADDRESS_IN_USE", ...common },
      );
    case "address-not-available":
    case "lookup-failed":
      return new ServerError(`Cannot listen on ${bindAddress}: this machine has no address "${host}"`, {
        code: "ERR_WT_ADDRESS_UNAVAILABLE",
        ...common,
      });
    case "permission-denied":
      return new ServerError(
        `Cannot listen on ${bindAddress}: no permission. Ports below 1024 need a privilege (on Linux ` +
          "CAP_NET_BIND_SERVICE); choose a higher port",
        { code: "ERR_WT_PERMISSION_DENIED", ...common },
      );
    case "invalid-certificate":
    case "invalid-key":
    case "certificate-key-mismatch":
      return certificateRefused(error, `Cannot use the certificate: ${error.message}`);
    case "invalid-option":
      return new ConfigurationError(error.message, { cause: error });
    case "unavailable":
    case "internal":
      return new ServerError(`Cannot listen on ${bindAddress}: ${error.message}`, common);
  }
}
