// Calls connect() in ways that fail and handles none of its promises. Prints which of them Node tells of, and how often.
import { connect } from "../../../../dist/client/index.js";

const [port, value] = process.argv.slice(2);
const options = { serverCertificateHashes: [{ algorithm: "sha-256", value }], maxRetries: 0 };
const at = (path, more) => connect(`https://127.0.0.1:${port}${path}`, { ...options, ...more });
const noAddress = () => new Promise((_, reject) => setImmediate(reject, new Error("no address")));
const abort = new AbortController();

const calls = {
  url: connect("http://127.0.0.1/"),
  config: at("/echo", { cert: "half" }),
  dns: connect(`https://localhost:${port}/echo`, { ...options, lookup: noAddress }),
  tls: at("/echo", { serverCertificateHashes: [{ algorithm: "sha-256", value: "00".repeat(32) }] }),
  http: at("/nowhere"),
  aborted: at("/echo", { signal: AbortSignal.abort(new Error("before")) }),
  aborting: connect(`https://localhost:${port}/echo`, { ...options, lookup: noAddress, signal: abort.signal }),
  late: connect(`https://localhost:${port}/echo`, {
    ...options,
    connectTimeout: 1,
    lookup: () => new Promise(() => {}),
  }),
};

const told = [];
process.on("unhandledRejection", (reason, promise) => {
  const name = Object.keys(calls).find((key) => calls[key] === promise);
  told.push(name ?? `another promise: ${reason?.stack}`);
});
process.on("exit", () => console.log(told.sort().join("\n")));
queueMicrotask(() => abort.abort(new Error("meanwhile")));
