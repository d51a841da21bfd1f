/** UDP on this machine: buffers, the port, and whether packets pass. */
import { networkInterfaces } from "node:os";

import { hostAndPort } from "../../base/host-and-port.ts";
import { generateSelfSignedCertificate } from "../../certificates/self-signed.ts";
import { connect } from "../../client/connect.ts";
import { nativeEngine } from "../../engine/native/native-engine.ts";
import { WebTransportError } from "../../errors/errors.ts";
import { ServerApp } from "../../server/app.ts";
import { bufferIssues } from "../../server/diagnosis/socket-issues.ts";
import { echoHandler } from "../../server/handlers.ts";

import { isBlockedPort } from "./blocked-ports.ts";
import { note, ok, problem, problemOf, warning } from "./finding.ts";
import type { Check, Finding } from "./finding.ts";

/** Milliseconds for an echo on this machine. */
const echoTimeout = 3000;

export interface PortOptions {
  readonly port: number;
  /** The user has named it: that it is in use is their problem. */
  readonly isGiven: boolean;
}

export function socketChecks(options: PortOptions): readonly Check[] {
  return [
    { id: "udp-buffers", title: "the UDP buffers", run: bufferFindings },
    { id: "port", title: `UDP port ${options.port}`, run: () => portFindings(options) },
    { id: "loopback", title: "an echo on this machine", run: loopbackFindings },
  ];
}

async function bufferFindings(): Promise<Finding[]> {
  const endpoint = await nativeEngine().createEndpoint({ host: "127.0.0.1", port: 0 }, unused);
  const stats = endpoint.getStats();
  await endpoint.close(0n, "");
  const issues = bufferIssues([stats]);
  if (issues.length === 0)
    return [
      ok("udp-buffers", `UDP buffers: ${stats.receiveBufferSize} bytes to receive, ${stats.sendBufferSize} to send`),
    ];
  return issues.map((issue) => {
    const [text = issue, remedy = ""] = issue.split(/\. (?=Allow)/);
    return warning("udp-buffers", text, remedy);
  });
}

/** Nobody connects to these endpoints. */
const unused = {
  connection: (): never => {
    throw new Error("an endpoint without a server was connected to");
  },
  failed: (): void => {},
};

async function portFindings({ port, isGiven }: PortOptions): Promise<Finding[]> {
  const findings: Finding[] = [];
  if (isBlockedPort(port)) {
    findings.push(
      problem(
        "port",
        `Browsers refuse to connect to port ${port}`,
        "Choose another one: 443, 4433, or any above 10080",
      ),
    );
  }
  const app = await echoApp();
  try {
    await app.listen({ host: "::", port }).catch((error: unknown) => {
      // A machine without IPv6.
      if (error instanceof WebTransportError && error.code === "ERR_WT_ADDRESS_UNAVAILABLE") {
        return app.listen({ host: "0.0.0.0", port });
      }
      throw error;
    });
    findings.push(ok("port", `UDP port ${port} is free`));
  } catch (error) {
    const isInUse = error instanceof WebTransportError && error.code === "ERR_WT_ADDRESS_IN_USE";
    if (!isInUse || isGiven) findings.push(problemOf("port", error));
    else findings.push(note("port", `UDP port ${port} is in use: a server runs there`, whoHas(port)));
  } finally {
    await app.close({ timeout: 0 });
  }
  return findings;
}

function whoHas(port: number): string {
  return process.platform === "linux"
    ? `Which one: sudo ss -ulpn 'sport = :${port}'`
    : `Which one: sudo lsof -nP -iUDP:${port}`;
}

async function loopbackFindings(): Promise<Finding[]> {
  const external = Object.values(networkInterfaces())
    .flat()
    .find((address) => address !== undefined && !address.internal && address.family === "IPv4")?.address;
  const hosts = ["127.0.0.1", "::1", ...(external === undefined ? [] : [external])];
  const findings = await Promise.all(hosts.map(echoFinding));
  return [
    ...findings,
    note(
      "firewall",
      "Whether a firewall or a router lets UDP in from elsewhere can be seen only from there",
      "On another machine: npx tswebtransport doctor https://HOST:PORT/",
    ),
  ];
}

/** A server and a client of this process, by way of the system's UDP. */
async function echoFinding(host: string): Promise<Finding> {
  const { cert, key, certificateHash } = await generateSelfSignedCertificate({ hostname: host });
  const app = await echoApp({ cert, key });
  try {
    const { port } = await app.listen({ host, port: 0 });
    const url = `https://${hostAndPort(host, port)}/`;
    const session = await connect(url, {
      serverCertificateHashes: [certificateHash],
      maxRetries: 0,
      connectTimeout: echoTimeout,
    });
    const started = performance.now();
    const stream = await session.createBidirectionalStream();
    await stream.writeAll("echo");
    await stream.readAll({ timeout: echoTimeout });
    const elapsed = performance.now() - started;
    await session.datagrams.send("echo");
    await session.datagrams.receive({ timeout: echoTimeout });
    await session.close({ abort: true });
    return ok("loopback", `A stream and a datagram came back by ${host} (${elapsed.toFixed(1)} ms)`);
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === "ERR_WT_ADDRESS_UNAVAILABLE" && host !== "127.0.0.1") {
      return note("loopback", `This machine has no address ${host}: clients reach it by IPv4 alone`);
    }
    const text = error instanceof Error ? error.message : String(error);
    return problem("loopback", `No echo by ${host}: ${text}`, "Look for firewall rules that drop UDP on this machine");
  } finally {
    await app.close({ timeout: 0 });
  }
}

async function echoApp(identity?: { readonly cert: string; readonly key: string }): Promise<ServerApp> {
  const app = new ServerApp({
    config: { logLevel: "silent", ...(identity ?? (await pairOf())) },
  });
  app.route("/", echoHandler);
  return app;
}

async function pairOf(): Promise<{ cert: string; key: string }> {
  const { cert, key } = await generateSelfSignedCertificate();
  return { cert, key };
}
