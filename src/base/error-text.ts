/** What was thrown, as text: with its stack where it has one. Never throws, whatever was thrown. */
export function errorText(thrown: unknown): string {
  try {
    if (!(thrown instanceof Error)) return String(thrown);
    const { stack, message } = thrown;
    // They may be anything: the conversion belongs inside of the try.
    return "".concat(stack ?? message);
  } catch {
    return "a value that cannot be shown";
  }
}
