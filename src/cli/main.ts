#!/usr/bin/env node
/** `npx tswebtransport`. */
import { runCommandLine } from "./command-line.ts";

process.exitCode = await runCommandLine(process.argv.slice(2));
