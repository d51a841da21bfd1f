/** What to add where a value is refused that has the name of one of `classes`, and is of none of them; otherwise nothing. */
export function otherCopyHint(value: unknown, ...classes: readonly string[]): string {
  if (typeof value !== "object" || value === null) return "";
  // Undefined where there is no prototype.
  const constructor = value.constructor as { readonly name: string } | undefined;
  if (constructor === undefined || !classes.includes(constructor.name)) return "";
  return " of this copy of tswebtransport: the process has two (`npm ls tswebtransport` shows them)";
}
