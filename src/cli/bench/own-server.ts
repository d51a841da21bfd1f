import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

import { ServerError } from "../../errors/errors.ts";

export interface OwnServer {
  readonly url: string;
  readonly sha256: string;
  close(): Promise<void>;
}

/** `tswebtransport echo` in a process of its own, on a free port of loopback. */
export async function startOwnServer(): Promise<OwnServer> {
  const program = process.argv[1] ?? "";
  const child = spawn(process.execPath, [program, "echo", "--port", "0", "--json", "--quiet"], {
    stdio: ["ignore", "pipe", "inherit"],
    // Ctrl-C is for this process, which ends the server.
    detached: process.platform !== "win32",
  });
  const exit = once(child, "exit");
  const kill = (): void => {
    child.kill("SIGKILL");
  };
  process.once("exit", kill);
  const line = once(createInterface({ input: child.stdout }), "line");
  const first: unknown[] = await Promise.race([line, exit.then(() => [])]);
  if (typeof first[0] !== "string") throw new ServerError("The server of this measurement has not started");
  const { url, sha256 } = JSON.parse(first[0]) as { url: string; sha256: string };
  return {
    url,
    sha256,
    close: async () => {
      child.kill("SIGTERM");
      await exit;
      process.off("exit", kill);
    },
  };
}
