// `npm start`: the set-up, then `tswebtransport dev` in this same process, so that Ctrl-C reaches it directly.
import { pathToFileURL } from "node:url";

import { inRoot } from "./paths.mjs";
import { runScript } from "./set-up-error.mjs";
import { setUp } from "./setup.mjs";

await runScript(async () => {
  await setUp();
  const main = inRoot("dist", "cli", "main.js");
  process.argv.splice(1, 1, main, "dev");
  await import(pathToFileURL(main).href);
});
