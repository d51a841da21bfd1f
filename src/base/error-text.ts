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

/** Causes of an error that are told: a chain may be endless. */
const maxCauses = 4;

/** What was thrown, in one line without its stack: name and message, then those of its causes. Never throws. */
export function errorLine(thrown: unknown): string {
  const parts: string[] = [];
  try {
    let error = thrown;
    for (; error instanceof Error && parts.length < maxCauses; error = error.cause) {
      parts.push(error.message === "" ? error.name : `${error.name}: ${error.message}`);
    }
    if (parts.length === 0 || (typeof error === "string" && parts.length < maxCauses)) parts.push(String(error));
  } catch {
    parts.push("a value that cannot be shown");
  }
  return parts.join(", caused by ").replaceAll(/\s+/g, " ");
}
