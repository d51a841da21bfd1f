export { EngineError } from "./engine/engine.ts";
export type * from "./engine/engine.ts";
