// `node examples/room/server.mjs`: starts the room and its page, and prints the page's address.
import { randomBytes } from "node:crypto";
import { parseArgs } from "node:util";

import { generateSelfSignedCertificate } from "tswebtransport";

import { CloseCode } from "./page/protocol.js";
import { startPageServer } from "./page-server.mjs";
import { createRoomApp } from "./room-app.mjs";

const usage = `Usage: node examples/room/server.mjs [--port PORT] [--page-port PORT] [--joins COUNT]

  --port PORT        UDP port of the room, 0 for a free one (default 4433)
  --page-port PORT   TCP port of the page, 0 for a free one (default 8080)
  --joins COUNT      session requests of one address in ten seconds (default 20)
`;

/** Browsers accept a certificate by its hash when it is good for 14 days at most: a new one takes over in time. */
const certificateInterval = 12 * 24 * 3600 * 1000;

const options = parse();
if (options?.help) console.log(usage);
else if (options !== undefined) {
  await main(options).catch((/** @type {unknown} */ error) => {
    // A port that is in use, most of the time.
    console.error(`Error: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  });
}

/** Undefined, and exit code 2: they are wrong. */
function parse() {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: "string", default: "4433" },
        "page-port": { type: "string", default: "8080" },
        joins: { type: "string", default: "20" },
        help: { type: "boolean", default: false },
      },
    });
    const { help, port, joins, "page-port": pagePort } = values;
    return { help, port: Number(port), joins: Number(joins), pagePort: Number(pagePort) };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    process.exitCode = 2;
    return undefined;
  }
}

/** @param {{ port: number, pagePort: number, joins: number }} options */
async function main({ port, pagePort, joins }) {
  // Tokens are good until the server ends. Several servers, or a login elsewhere, share a secret.
  const secret = randomBytes(32);
  const certificate = await generateSelfSignedCertificate();
  const room = { url: "", certificateHash: hashOf(certificate) };
  const page = await startPageServer({ port: pagePort, secret, room: () => room });
  const { cert, key } = certificate;
  const app = createRoomApp({
    secret,
    joins,
    // Only its own page may use it: others could guess neither hash nor token, but need not be let try.
    config: { cert, key, allowedOrigins: [page.origin] },
  });
  const address = await app.listen({ host: "localhost", port });
  room.url = `https://localhost:${address.port}/rooms/`;
  const renew = async () => {
    const next = await generateSelfSignedCertificate();
    app.server.updateCertificate(next);
    room.certificateHash = hashOf(next);
  };
  setInterval(() => void renew().catch(console.error), certificateInterval).unref();

  console.log(`Page:          ${page.origin}/`);
  console.log(`WebTransport:  ${room.url}`);
  console.log("Open the page in two windows of a browser with WebTransport. Ctrl-C stops the server.");

  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, () => {
      page.close();
      void app.close({ timeout: 500, code: CloseCode.SERVER_STOPS, reason: "The server stops" });
    });
  }
  await app.serve();
}

/** @param {import("tswebtransport").SelfSignedCertificate} certificate */
function hashOf({ certificateHash }) {
  return Buffer.from(certificateHash.value).toString("hex");
}
