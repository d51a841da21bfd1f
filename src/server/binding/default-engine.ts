import type { QuicEngine } from "../../engine/engine.ts";

/** The native engine, loaded when it is first needed: another engine needs no addon. */
export async function defaultEngine(): Promise<QuicEngine> {
  const { nativeEngine } = await import("../../engine/native/native-engine.ts");
  return nativeEngine();
}
