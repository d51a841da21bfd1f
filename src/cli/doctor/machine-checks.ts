/** Node, the addon, the clock. */
import { execFile } from "node:child_process";
import { release } from "node:os";
import { promisify } from "node:util";

import { loadAddon } from "../../engine/native/addon-loader.ts";
import { nativeEngine } from "../../engine/native/native-engine.ts";

import { note, ok, problem, warning } from "./finding.ts";
import type { Check, Finding } from "./finding.ts";

const leastNode = [20, 19] as const;

/** An earlier time means that the clock was never set: 2025, before this program existed. */
const earliestNow = Date.UTC(2025, 0, 1);

export const machineChecks: readonly Check[] = [
  { id: "node", title: "Node", run: () => Promise.resolve([nodeFinding(process.versions)]) },
  { id: "addon", title: "the native addon", run: () => Promise.resolve([addonFinding()]) },
  { id: "clock", title: "the clock", run: async () => [clockFinding(Date.now(), await isSynchronized())] },
];

export function nodeFinding(versions: Readonly<Record<string, string | undefined>>): Finding {
  const machine = `${process.platform} ${release()} ${process.arch}`;
  const { bun, deno, node = "" } = versions;
  if (bun !== undefined) return note("node", `Bun ${bun} on ${machine}: the engine uses its portable waker`);
  if (deno !== undefined) return note("node", `Deno ${deno} on ${machine}: the engine uses its portable waker`);
  const [major = 0, minor = 0] = node.split(".").map(Number);
  const [leastMajor, leastMinor] = leastNode;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor))
    return ok("node", `Node ${node} on ${machine}`);
  return problem("node", `Node ${node} is too old`, `Install Node ${leastNode.join(".")} or newer`);
}

function addonFinding(): Finding {
  try {
    loadAddon();
    return ok("addon", `The native addon is loaded: engine ${nativeEngine().name}`);
  } catch (error) {
    const [text = "", ...details] = (error instanceof Error ? error.message : String(error)).split("\n");
    return problem("addon", text, details.map((line) => line.trim()).join(" "));
  }
}

/** `synchronized`: what the system says; undefined when it cannot tell. */
export function clockFinding(now: number, synchronized: boolean | undefined): Finding {
  const shown = new Date(now).toISOString();
  const remedy = "Set the clock, best by NTP (timedatectl set-ntp true): certificates are valid by it";
  if (now < earliestNow) return problem("clock", `The clock shows ${shown}, which is in the past`, remedy);
  if (synchronized === true) return ok("clock", `The clock shows ${shown}, and is synchronised`);
  if (synchronized === false) return warning("clock", `The clock shows ${shown}, and is not synchronised`, remedy);
  return note("clock", `The clock shows ${shown}; the system does not tell whether it is synchronised`);
}

async function isSynchronized(): Promise<boolean | undefined> {
  if (process.platform !== "linux") return undefined;
  const args = ["show", "--property=NTPSynchronized", "--value"];
  try {
    const { stdout } = await promisify(execFile)("timedatectl", args, { timeout: 2000 });
    if (stdout.trim() === "yes") return true;
    return stdout.trim() === "no" ? false : undefined;
  } catch {
    // There is no such service here, as in most containers.
    return undefined;
  }
}
