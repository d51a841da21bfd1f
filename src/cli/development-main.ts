/** What `npm start` runs: the development server with its echo and health routes. */
import { parseArgs } from "node:util";

import { WebTransportError } from "../errors/errors.ts";
import { createDevelopmentServer } from "../server/development/development-server.ts";
import { echoHandler, healthCheckHandler } from "../server/handlers.ts";

const usage = `Usage: npm start -- [--host HOST] [--port PORT] [--page-port PORT]

  --host HOST        address or name to bind (default localhost)
  --port PORT        UDP port of the WebTransport server, 0 for a free one (default 4433)
  --page-port PORT   TCP port of the page on localhost (default 8080; a free one when it is in use)
  --help             this text
`;

/** Exit codes: 0 ok, 1 failure, 2 usage. */
async function main(): Promise<number> {
  const options = parse();
  if (typeof options === "number") return options;
  const app = createDevelopmentServer(options);
  app.route("/echo", echoHandler);
  app.route("/health", healthCheckHandler);
  await app.listen();
  console.log(`Page:              ${app.pageUrl ?? ""}`);
  console.log(`WebTransport:      ${app.url}`);
  console.log(`Certificate hash:  ${app.certificateHash ?? ""}`);
  console.log("Open the page in a browser with WebTransport (Chrome, Edge, Firefox). Ctrl-C stops the server.");
  process.once("SIGINT", () => {
    console.log("\nClosing the sessions … (Ctrl-C again ends at once)");
  });
  await app.run();
  return 0;
}

function parse(): { host: string; port: number; pagePort: number } | number {
  try {
    const { values } = parseArgs({
      options: {
        host: { type: "string", default: "localhost" },
        port: { type: "string", default: "4433" },
        "page-port": { type: "string", default: "8080" },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      console.log(usage);
      return 0;
    }
    return { host: values.host, port: port("--port", values.port), pagePort: port("--page-port", values["page-port"]) };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
}

function port(name: string, text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new Error(`${name} must be 0 to 65535, not "${text}"`);
  return Number(text);
}

try {
  process.exitCode = await main();
} catch (error) {
  // What the user can mend is one line; anything else is a fault of ours and shows where.
  console.error(error instanceof WebTransportError ? `Error: ${error.message}` : error);
  process.exitCode = 1;
}
