/** Colours and weights, by their names; without them each gives its text back. */
export type StyleName = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";
export type Style = Readonly<Record<StyleName, (text: string) => string>>;

/** ECMA-48, "select graphic rendition": what begins and what ends each. */
const codes: Readonly<Record<StyleName, readonly [begin: number, end: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

export function styleOf(isColoured: boolean): Style {
  const paint =
    ([begin, end]: readonly [number, number]) =>
    (text: string): string =>
      isColoured ? `\u001B[${begin}m${text}\u001B[${end}m` : text;
  return {
    bold: paint(codes.bold),
    dim: paint(codes.dim),
    red: paint(codes.red),
    green: paint(codes.green),
    yellow: paint(codes.yellow),
    cyan: paint(codes.cyan),
  };
}

/** FORCE_COLOR decides first, then NO_COLOR, then whether it is a terminal that has colours. */
export function isColoured(isTerminal: boolean, environment: Readonly<Record<string, string | undefined>>): boolean {
  const { FORCE_COLOR: forced, NO_COLOR: refused, TERM: terminal } = environment;
  if (forced !== undefined) return forced !== "0" && forced !== "false";
  if (refused !== undefined && refused !== "") return false;
  return isTerminal && terminal !== "dumb";
}
