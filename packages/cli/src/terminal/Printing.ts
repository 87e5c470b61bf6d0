import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Streams } from "./Streams.ts"
import { tableText, tabbedText } from "./Table.ts"
import type { Column } from "./Table.ts"
import { jsonText } from "./JsonText.ts"

/** `--output` of every command. Without it: a table on a terminal, lines with tabs in a pipe. */
export const outputFlag = GlobalFlag.Setting("output")({
  flag: Flag.Literals("output", ["table", "json", "plain"]).pipe(
    Flag.withMetavar("FORMAT"),
    Flag.withDescription("plain has tabs between columns and no titles; default: table on a terminal, else plain"),
    Flag.optional
  )
})

/** How a command was asked to print. */
export const outputFormat = Effect.gen(function* () {
  const asked = yield* outputFlag
  const { stdout } = yield* Streams
  return Option.getOrElse(asked, () => (stdout.isTerminal ? ("table" as const) : ("plain" as const)))
})

/** Prints rows to standard output: as JSON an array of them, whole, else the columns. */
export const printRows = <Row>(columns: ReadonlyArray<Column<Row>>, rows: ReadonlyArray<Row>) =>
  Effect.gen(function* () {
    const { stdout } = yield* Streams
    switch (yield* outputFormat) {
      case "json":
        return yield* stdout.write(`${jsonText(rows)}\n`)
      case "plain":
        return yield* stdout.write(tabbedText(columns, rows))
      case "table":
        return yield* stdout.write(tableText(columns, rows, stdout.canColor))
    }
  })

/** A line for people, on standard error: what was done, what is odd. */
export const note = (line: string) =>
  Effect.gen(function* () {
    const { stderr } = yield* Streams
    yield* stderr.write(`${line}\n`)
  })
