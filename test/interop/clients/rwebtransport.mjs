// The cases with rwebtransport's client. Run by the newer Node that it needs; `--package` is where it is installed.
import { parseArgs } from "node:util";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

import { runCases } from "./w3c-cases.mjs";

const { values: options } = parseArgs({
  options: {
    url: { type: "string" },
    hash: { type: "string" },
    package: { type: "string" },
    input: { type: "string" },
  },
});
const { names, values } = JSON.parse(options.input);
const entry = createRequire(`${options.package}/`).resolve("rwebtransport");
const { WebTransport, WebTransportError } = await import(pathToFileURL(entry).href);

await runCases({
  names,
  values,
  open: (path, given = {}) =>
    new WebTransport(options.url + path, {
      ...given,
      serverCertificateHashes: [{ algorithm: "sha-256", value: Buffer.from(options.hash, "hex") }],
    }),
  shows: { makeError: (streamErrorCode) => new WebTransportError("on purpose", { streamErrorCode }) },
  report: (line) => console.log(JSON.stringify(line)),
});
process.exit(0);
