/**
 * The WebTransport cases of quic-interop-runner, as server and as client, driven by the environment:
 *
 * - `ROLE`: "server" or "client"
 * - `TESTCASE`: "handshake", "transfer" (this side only answers), or "transfer-KIND-receive" (this side asks)
 * - `REQUESTS`: a client's URLs, a requesting server's paths; the first path segment is the session's endpoint
 * - `PROTOCOLS`: subprotocols, most preferred first
 * - `WWW`, `DOWNLOADS`, `CERTS`: folders of files to serve, of what was fetched, of `cert.pem` and `priv.key`
 * - `LISTEN`: a server's HOST:PORT
 *
 * Exit codes: 0 when the transfers of its role are complete, 1 when one has failed, 127 for a test case it does not know.
 */
import { interopClient } from "./interop-endpoint/client.ts";
import { readEnvironment, UnknownTestCase } from "./interop-endpoint/environment.ts";
import { interopServer } from "./interop-endpoint/server.ts";

try {
  const environment = readEnvironment(process.env);
  process.exitCode = await (environment.role === "server" ? interopServer(environment) : interopClient(environment));
} catch (error) {
  console.error(error instanceof UnknownTestCase ? error.message : error);
  process.exitCode = error instanceof UnknownTestCase ? 127 : 1;
}
