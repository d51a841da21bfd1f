import type { AsyncLocalStorage } from "node:async_hooks";

import { ServerError } from "../errors/errors.ts";

interface RunningHook {
  readonly name: string;
  isRunning: boolean;
}

/**
 * Knows which calls come from inside a hook that its owner waits for. Such a hook must not wait for the owner's `close()`,
 * which waits for the hook.
 */
export class HookScope {
  #storage: AsyncLocalStorage<RunningHook> | undefined;
  #running = 0;

  /** Awaits `hook`, and rejects as it does. `name` says in errors what runs. */
  async run(name: string, hook: () => unknown): Promise<void> {
    this.#storage ??= newStorage();
    const running: RunningHook = { name, isRunning: true };
    this.#running += 1;
    try {
      await this.#storage.run(running, hook);
    } finally {
      running.isRunning = false;
      this.#running -= 1;
      // As long as a storage is in use, Node follows every promise of the process for it.
      if (this.#running === 0) this.#storage.disable();
    }
  }

  /** Why the caller must not wait for `what`; undefined when it is outside of a running hook. */
  obstacle(what: string): ServerError | undefined {
    const running = this.#storage?.getStore();
    // What a hook has left running after its end waits for nothing that waits for it.
    if (running?.isRunning !== true) return undefined;
    return new ServerError(`Cannot wait for ${what} in ${running.name}: it waits for ${running.name} itself`);
  }
}

/** Node's module is loaded here, not with the server: a process that never closes one does not need it. */
function newStorage(): AsyncLocalStorage<RunningHook> {
  const { AsyncLocalStorage: Storage } = process.getBuiltinModule("node:async_hooks");
  return new Storage<RunningHook>();
}
