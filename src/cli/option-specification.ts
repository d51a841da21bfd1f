/** An option of a command, for the parser and the help. */
export interface OptionSpecification {
  readonly type: "string" | "boolean";
  /** One letter. */
  readonly short?: string;
  /** May be given several times. */
  readonly multiple?: true;
  /** The empty string is a value: a text to send. */
  readonly mayBeEmpty?: true;
  /** What stands for the value in the help: "PORT". */
  readonly value?: string;
  readonly help: string;
}
