/** A failure with what helps at the command line, where options have other names than in the API. */
export class HintedError extends Error {
  override readonly name = "HintedError";
  readonly hint: string;

  constructor(cause: Error, hint: string) {
    super(cause.message, { cause });
    this.hint = hint;
  }
}
