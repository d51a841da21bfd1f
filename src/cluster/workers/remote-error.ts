import { errorText } from "../../base/error-text.ts";
import type { RemoteError } from "./messages.ts";

/** For the process that is told of it. */
export function describeError(error: unknown): RemoteError {
  if (!(error instanceof Error)) return { name: "Error", message: errorText(error), stack: undefined, code: undefined };
  const code = (error as { code?: unknown }).code;
  const cause = error.cause === undefined ? "" : `\n  [cause] ${errorText(error.cause)}`;
  return {
    name: error.name,
    message: error.message,
    stack: `${errorText(error)}${cause}`,
    code: typeof code === "string" ? code : undefined,
  };
}

/** The error of another process, with the stack that it had there. */
export function revivedError({ name, message, stack, code }: RemoteError): Error {
  const error = new Error(message);
  error.name = name;
  if (stack !== undefined) error.stack = stack;
  if (code !== undefined) Object.assign(error, { code });
  return error;
}
