/** Rows in columns as wide as their widest cell; columns that `right` names are aligned to the right. */
export function tableLines(
  rows: readonly (readonly string[])[],
  right: ReadonlySet<number> = new Set<number>(),
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, column) =>
        right.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
}
