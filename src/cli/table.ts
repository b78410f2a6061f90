/** Tables for people: columns side by side, as wide as what is in them. */

/** The lines of a table, its head first. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((cells) => widthOf(cells[column] ?? ""))));
  return lines.map((cells) =>
    cells.map((cell, column) => cell + " ".repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell))))
      .join("  ").trimEnd()
  );
}

/** In characters, not in halves of them. */
function widthOf(text: string): number {
  return [...text].length;
}
