import { hostAndPort } from "../base/host-and-port.ts";
import { generateSelfSignedCertificate } from "../certificates/self-signed.ts";
import { healthCheckHandler } from "../server/handlers.ts";
import { ServerApp } from "../server/app.ts";

import { runApp } from "./apps/run-app.ts";
import type { Arguments } from "./arguments.ts";
import { benchHandler, benchProtocol } from "./bench/bench-handler.ts";
import type { Command, CommandContext } from "./command.ts";
import type { Terminal } from "./terminal/terminal.ts";

export const echoCommand: Command = {
  usage: "[--host HOST] [--port PORT] [options]",
  description:
    "Serves / and /echo, which echo streams and datagrams, and /health. `bench` measures most against this server. Without " +
    "--cert it makes a certificate that is valid for 13 days and ends with the program, and prints its hash.",
  positionals: { least: 0, most: 0 },
  options: {
    host: { type: "string", value: "HOST", help: "address or name to bind (default localhost); :: for every address" },
    port: { type: "string", short: "p", value: "PORT", help: "UDP port, 0 for a free one (default 4433)" },
    cert: { type: "string", value: "FILE", help: "certificate, PEM; needs --key; watched and renewed with its file" },
    key: { type: "string", value: "FILE", help: "its key, PEM" },
    quiet: { type: "boolean", short: "q", help: "no line for each session" },
    json: { type: "boolean", help: "print the address as one line of JSON" },
  },
  examples: [
    ["", "at https://localhost:4433/echo"],
    ["--host :: --port 443 --cert cert.pem --key key.pem", "for the world, with your certificate"],
    ["--port 0 --json", "for a script"],
  ],
  run,
};

async function run(args: Arguments, context: CommandContext): Promise<number> {
  const { terminal } = context;
  args.requireTogether("cert", "key");
  const host = args.host("host") ?? "localhost";
  const port = args.port("port") ?? 4433;
  const [certfile, keyfile] = [args.text("cert"), args.text("key")];
  const isOwn = certfile !== undefined && keyfile !== undefined;
  const hostname = [...new Set([host, "localhost", "127.0.0.1", "::1"])];
  const fresh = isOwn ? undefined : await generateSelfSignedCertificate({ hostname });
  const app = new ServerApp({
    config: {
      logLevel: args.flag("quiet") ? "warn" : "info",
      ...(isOwn ? { certfile, keyfile, certificateReload: true } : { cert: fresh?.cert ?? "", key: fresh?.key ?? "" }),
    },
  });
  for (const path of ["/", "/echo"]) app.route(path, { protocols: [benchProtocol] }, benchHandler);
  app.route("/health", healthCheckHandler);
  const sha256 = fresh && Buffer.from(fresh.certificateHash.value).toString("hex");
  await runApp(app, { host, port }, context, (address) => {
    const name = host === "::" || host === "0.0.0.0" ? "localhost" : host;
    const url = `https://${hostAndPort(name, address.port)}/echo`;
    if (args.flag("json"))
      terminal.print(JSON.stringify({ url, port: address.port, ...(sha256 !== undefined && { sha256 }) }));
    else announce(url, sha256, terminal);
  });
  return 0;
}

function announce(url: string, sha256: string | undefined, terminal: Terminal): void {
  const { dim } = terminal.err;
  terminal.print(`WebTransport:      ${url}`);
  if (sha256 !== undefined) {
    terminal.print(`Certificate hash:  ${sha256}`);
    terminal.note(dim(`Try: tswebtransport connect ${url} --hash ${sha256}`));
  }
  terminal.note(dim("Ctrl-C stops the server."));
}
