// `npm start`: the set-up, then the development server in this same process, so that Ctrl-C reaches it directly.
import { pathToFileURL } from "node:url";

import { inRoot } from "./paths.mjs";
import { runScript } from "./set-up-error.mjs";
import { setUp } from "./setup.mjs";

await runScript(async () => {
  await setUp();
  const main = inRoot("dist", "cli", "development-main.js");
  process.argv[1] = main;
  await import(pathToFileURL(main).href);
});
