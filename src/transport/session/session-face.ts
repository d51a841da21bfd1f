import type { SessionEventMap } from "../events.ts";
import type { Session } from "../types.ts";

/** The session's public object, as far as its driver uses it. */
export interface SessionFace extends Session {
  listens(type: string): boolean;
  publish<Type extends keyof SessionEventMap>(type: Type, payload: SessionEventMap[Type]): boolean;
}
