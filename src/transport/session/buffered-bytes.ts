import type { Session } from "../types.ts";

/** Of sessions that are not this package's own. */
let read: (session: Session) => number = (session) => session.getStats().bufferedBytes;

/** `getStats().bufferedBytes` without an object: who looks at thousands of sessions leaves nothing to collect. */
export function bufferedBytesOf(session: Session): number {
  return read(session);
}

/** For the class of sessions. It is not imported here: a monitor that is imported reads no session's code yet. */
export function readBufferedBytesWith(reader: typeof read): void {
  read = reader;
}
