import { resolveOptions } from "@tusk/storage/pg/options/PgOptions"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { CliError, EXIT, Found } from "../CliError.ts"
import { diagnose } from "../doctor/doctor.ts"
import type { Finding, Severity } from "../doctor/Finding.ts"
import { outputFormat, printRows } from "../terminal/Printing.ts"
import { Streams } from "../terminal/Streams.ts"
import type { Column } from "../terminal/Table.ts"
import { databaseFlags, databaseUrl, schemaOf } from "./DatabaseFlags.ts"

const columns: ReadonlyArray<Column<Finding>> = [
  { title: "SEVERITY", of: ({ severity }) => severity },
  { title: "CHECK", of: ({ check }) => check },
  { title: "SEEN", of: ({ seen }) => seen },
  { title: "WHY", of: ({ why }) => why },
  { title: "REMEDY", of: ({ remedy }) => remedy }
]

const COLOURS: Readonly<Record<Severity, number>> = { error: 31, warning: 33, info: 36 }

/** A finding for a person: its lines are too long for a table. */
const paragraph = ({ check, remedy, seen, severity, why }: Finding, canColor: boolean): string => {
  const title = severity.toUpperCase().padEnd(7)
  const mark = canColor ? `\u001b[${COLOURS[severity]}m${title}\u001b[0m` : title
  // oxlint-disable-next-line no-control-regex
  const clean = (text: string) => text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, "?")
  return [
    `${mark} ${clean(seen)} (${check})`,
    `        ${clean(why)}`,
    ...(remedy === "" ? [] : [`        -> ${clean(remedy)}`])
  ]
    .map((line) => `${line}\n`)
    .join("")
}

const exitCodeOf = (findings: ReadonlyArray<Finding>): number => {
  if (findings.some(({ severity }) => severity === "error")) return EXIT.errorsFound
  return findings.some(({ severity }) => severity === "warning") ? EXIT.warningsFound : EXIT.ok
}

/** `tusk doctor`. */
export const doctorCommand = Command.make(
  "doctor",
  databaseFlags,
  Effect.fn(function* (flags) {
    const url = yield* databaseUrl(flags)
    const target = yield* Effect.try({
      try: () => resolveOptions({ url, schema: schemaOf(flags), environment: process.env }),
      catch: (error) => new CliError({ message: (error as Error).message })
    })
    const findings = yield* diagnose(target)
    if ((yield* outputFormat) === "table") {
      const { stdout } = yield* Streams
      for (const finding of findings) yield* stdout.write(paragraph(finding, stdout.canColor))
    } else yield* printRows(columns, findings)
    const code = exitCodeOf(findings)
    if (code !== EXIT.ok) return yield* new Found({ code })
  })
).pipe(
  Command.withDescription(
    "Says what will hurt: of Postgres, its settings, sessions and tables, of rights and of what Tusk has left undone. It changes " +
      "nothing. Exit code 0: nothing; 3: warnings; 4: errors"
  )
)
