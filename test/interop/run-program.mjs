// `node run-program.mjs NAME …`: runs test/interop/NAME.ts, which Node 20 cannot do by itself: compiles what is stale
// of this folder's TypeScript, then loads the program in this same process, so that signals reach it directly.
import { pathToFileURL } from "node:url";

import { buildPrograms, programPath } from "./build-programs.mjs";

const [name] = process.argv.splice(2, 1);
await buildPrograms();
const program = programPath(name);
process.argv[1] = program;
await import(pathToFileURL(program).href);
