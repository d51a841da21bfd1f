import { HookScope } from "./hook-scope.ts";

/** One life of an app: from `listen` to the end of `close()`. */
export class AppLife {
  /** `listen` has begun and not ended. */
  isStarting = false;
  /** `listen` was called, and has not failed. */
  isListening = false;
  /** Shutdown hooks, and middleware that starts or stops. */
  readonly hooks = new HookScope();
  closing: Promise<void> | undefined;
  isClosed = false;
}
