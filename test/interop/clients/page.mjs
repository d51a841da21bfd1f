// A page on loopback that browsers run the cases in: WebTransport needs a secure context, and `about:blank` is none.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const script = readFileSync(new URL("w3c-cases.mjs", import.meta.url));

export async function startPageServer() {
  const server = createServer((request, response) => {
    if (request.url === "/w3c-cases.mjs") response.setHeader("content-type", "text/javascript").end(script);
    else response.setHeader("content-type", "text/html").end("<!doctype html><title>interop</title>");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Runs in the page: everything it uses comes with its argument. */
export async function runInPage({ url, hash, names, values, unsupported }) {
  const { runCases } = await import("/w3c-cases.mjs");
  const value = Uint8Array.from(hash.match(/../g), (pair) => Number.parseInt(pair, 16));
  const lines = [];
  await runCases({
    names,
    values,
    unsupported,
    open: (path, options = {}) =>
      // A page may not pool connections that it pins certificates for.
      new globalThis.WebTransport(url + path, {
        ...options,
        allowPooling: false,
        serverCertificateHashes: [{ algorithm: "sha-256", value }],
      }),
    shows: {
      origin: globalThis.location.origin,
      makeError: (streamErrorCode) => {
        try {
          return new globalThis.WebTransportError("on purpose", { streamErrorCode });
        } catch {
          // The older form of the constructor.
          return new globalThis.WebTransportError({ message: "on purpose", streamErrorCode });
        }
      },
    },
    report: (line) => lines.push(line),
  });
  return lines;
}
