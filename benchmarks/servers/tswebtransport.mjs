// Our own benchmark server, on the public API as a user would write it.
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

import { addRoutes } from "./routes.mjs";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    cert: { type: "string" },
    key: { type: "string" },
    // The folder of a bundled package; without it, this checkout's dist/.
    package: { type: "string" },
  },
});
const packageUrl =
  values.package === undefined ? new URL("../../", import.meta.url) : pathToFileURL(`${values.package}/`);
const { ServerApp } = await import(new URL("dist/server/index.js", packageUrl).href);

// No peer of the benchmark writes a line for each session, so neither does this server.
const app = new ServerApp({
  config: { certfile: values.cert, keyfile: values.key, accessLog: false, logLevel: "error" },
});
addRoutes(app);

process.once("SIGTERM", () => void app.close({ timeout: 0 }));

const address = await app.listen({ host: "127.0.0.1", port: Number(values.port) });
console.log(`listening ${address.host}:${address.port}`);
