/** A server, asked as a client asks it. */
import { lookup } from "node:dns/promises";

import { escapeControls } from "../../base/escape-controls.ts";
import { connect } from "../../client/connect.ts";
import type { ClientOptions } from "../../client/connect.ts";
import { CertificateError, HttpError } from "../../errors/errors.ts";
import type { WebTransportSession } from "../../transport/session/session.ts";

import { certificateRemedy } from "../certificate-hints.ts";
import { withoutInsecureWarning } from "../client-options.ts";
import { isBlockedPort } from "./blocked-ports.ts";
import { shownCertificateFindings } from "./certificate-checks.ts";
import { note, ok, problem, problemOf, warning } from "./finding.ts";
import type { Check, Finding } from "./finding.ts";

/** Milliseconds that two clocks may differ by: headers tell whole seconds, and take their time. */
const clockTolerance = 60_000;

const httpsPort = 443;

export function serverChecks(url: URL, options: ClientOptions, signal: AbortSignal): readonly Check[] {
  return [
    { id: "address", title: `the addresses of ${url.hostname}`, run: () => addressFindings(url) },
    { id: "server", title: `the server at ${url.host}`, run: () => serverFindings(url, { ...options, signal }) },
  ];
}

async function addressFindings(url: URL): Promise<Finding[]> {
  const port = url.port === "" ? httpsPort : Number(url.port);
  const blocked = isBlockedPort(port)
    ? [problem("port", `Browsers refuse to connect to port ${port}`, "Let the server listen on another one")]
    : [];
  try {
    const addresses = await lookup(url.hostname.replace(/^\[|\]$/g, ""), { all: true });
    return [...blocked, ok("address", `${url.hostname} is ${addresses.map(({ address }) => address).join(", ")}`)];
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    return [
      ...blocked,
      problem("address", `${url.hostname} has no address (${code})`, "Check the name, and this machine's name servers"),
    ];
  }
}

async function serverFindings(url: URL, options: ClientOptions): Promise<readonly Finding[]> {
  try {
    return await sessionFindings(await connect(url, options), isTrusted(options));
  } catch (error) {
    if (options.signal?.aborted === true) throw error;
    const failure = failureFinding(error);
    if (!(error instanceof CertificateError)) return [failure];
    return [failure, ...(await findingsWithoutTrust(url, options))];
  }
}

function failureFinding(error: unknown): Finding {
  const finding = problemOf("server", error);
  if (error instanceof CertificateError && finding.remedy !== undefined) {
    return { ...finding, remedy: certificateRemedy(error, finding.remedy) };
  }
  if (!(error instanceof HttpError)) return finding;
  const remedies: Readonly<Record<number, string>> = {
    403: "The server's origin policy or middleware refuses this request: try --origin https://YOUR-PAGE, and look into its log",
    404: "The server has no route for this path",
    421: "The server does not serve this host: see authorities in its configuration",
    429: "The server's limits refuse it: wait, or raise them",
  };
  const remedy =
    finding.remedy ?? remedies[error.status] ?? "Look into the server's log: it has a line for each refusal";
  return { ...finding, remedy };
}

/** Its certificate is refused: what it is, and how far the rest goes. */
async function findingsWithoutTrust(url: URL, options: ClientOptions): Promise<readonly Finding[]> {
  const { config } = options;
  withoutInsecureWarning();
  const session = await connect(url, {
    ...options,
    config: { ...withoutTrust(config), insecure: true },
  }).catch(() => undefined);
  return session === undefined ? [] : sessionFindings(session, false);
}

function withoutTrust(config: ClientOptions["config"]): Readonly<Record<string, unknown>> {
  if (config === undefined) return {};
  const values = "values" in config ? config.values : config;
  const { headers, protocols, connectTimeout, handshakeTimeout, maxRetries } = values;
  return {
    connectTimeout,
    handshakeTimeout,
    maxRetries,
    ...(headers !== undefined && { headers }),
    ...(protocols !== undefined && { protocols }),
  };
}

function isTrusted({ config }: ClientOptions): boolean {
  const values = config === undefined ? undefined : "values" in config ? config.values : config;
  return values?.insecure !== true;
}

/** Closes the session. */
async function sessionFindings(
  session: WebTransportSession,
  isCertificateTrusted: boolean,
): Promise<readonly Finding[]> {
  const { connection, protocol, responseHeaders, datagrams } = session;
  const { rtt, mtu } = connection.getStats();
  const subprotocol = protocol === "" ? "no subprotocol" : `subprotocol ${escapeControls(protocol)}`;
  const parts = [
    connection.draft ?? "an unknown draft",
    subprotocol,
    `round trip ${rtt.toFixed(1)} ms`,
    `MTU ${mtu}`,
    `datagrams up to ${datagrams.maxDatagramSize} bytes`,
  ];
  const { peerCertificate, remoteAddress } = connection;
  const findings: Finding[] = [
    ok("server", `The server at ${remoteAddress.host} has accepted the session: ${parts.join(", ")}`),
    ...clockFindings(responseHeaders.get("date"), Date.now()),
    ...(isCertificateTrusted ? [ok("trust", "Its certificate is trusted here")] : []),
    ...(peerCertificate === undefined ? [] : shownCertificateFindings(peerCertificate)),
  ];
  await session.close({ abort: true });
  return findings;
}

/** By the answer's Date header, where it has one. */
export function clockFindings(date: string | null, now: number): Finding[] {
  const theirs = Date.parse(date ?? "");
  if (Number.isNaN(theirs)) return [note("server-clock", "The server does not tell its time")];
  const difference = Math.round((theirs - now) / 1000);
  if (Math.abs(theirs - now) <= clockTolerance) return [ok("server-clock", "The server's clock agrees with this one")];
  return [
    warning(
      "server-clock",
      `The server's clock is ${Math.abs(difference)} s ${difference > 0 ? "ahead of" : "behind"} this one`,
      "Set both by NTP: certificates are valid by the client's",
    ),
  ];
}
