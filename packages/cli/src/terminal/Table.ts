/** A column of what a command prints, for people. */
export interface Column<Row> {
  readonly title: string
  readonly of: (row: Row) => string | number | bigint | boolean | null
  /** Numbers stand to the right. */
  readonly right?: boolean
}

/** What would break a line or a terminal is written as an escape. */
const shown = (value: string | number | bigint | boolean | null): string =>
  value === null
    ? "-"
    : // oxlint-disable-next-line no-control-regex
      String(value).replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, (each) => JSON.stringify(each).slice(1, -1))

/** Lines of columns with tabs between them, and no titles: for `cut` and `awk`. */
export const tabbedText = <Row>(columns: ReadonlyArray<Column<Row>>, rows: ReadonlyArray<Row>): string =>
  rows.map((row) => `${columns.map((column) => shown(column.of(row))).join("\t")}\n`).join("")

/** An aligned table, titles first; nothing at all without rows. */
export const tableText = <Row>(
  columns: ReadonlyArray<Column<Row>>,
  rows: ReadonlyArray<Row>,
  canColor: boolean
): string => {
  if (rows.length === 0) return ""
  const cells = rows.map((row) => columns.map((column) => shown(column.of(row))))
  const widths = columns.map(({ title }, i) =>
    cells.reduce((most, row) => Math.max(most, row[i]!.length), title.length)
  )
  const line = (texts: ReadonlyArray<string>) =>
    texts
      .map((text, i) => (columns[i]!.right === true ? text.padStart(widths[i]!) : text.padEnd(widths[i]!)))
      .join("  ")
      .trimEnd()
  const titles = line(columns.map(({ title }) => title))
  return `${[canColor ? `\u001b[1m${titles}\u001b[0m` : titles, ...cells.map(line)].join("\n")}\n`
}
