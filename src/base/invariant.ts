/** A condition that only a fault of this library can break: never use it on a peer's or a caller's input. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`Invariant broken: ${message}`);
}
