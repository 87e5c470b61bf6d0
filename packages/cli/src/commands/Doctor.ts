import { resolveOptions } from "@tusk/storage/pg/options/PgOptions"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { CliError, EXIT, Found } from "../CliError.ts"
import { diagnoseBroker } from "../doctor/broker.ts"
import { diagnose } from "../doctor/doctor.ts"
import { bySeverity } from "../doctor/Finding.ts"
import type { Finding, Severity } from "../doctor/Finding.ts"
import { outputFormat, printRows } from "../terminal/Printing.ts"
import { Streams } from "../terminal/Streams.ts"
import type { Column } from "../terminal/Table.ts"
import { databaseFlags, databaseUrl, schemaOf } from "./DatabaseFlags.ts"
import { objectStoreFlags, openNamedStore } from "./object/place.ts"
import { parseBootstrap } from "../values/Bootstrap.ts"
import { valueOf } from "./CommonFlags.ts"
import { packageVersion } from "../packageVersion.ts"

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

const bootstrapFlag = Flag.String("bootstrap-server").pipe(
  Flag.withAlias("b"),
  Flag.withMetavar("HOST:PORT"),
  Flag.withDescription("looks at that broker, too, as its clients do; without --database-url at that alone"),
  Flag.optional
)

const targetOf = (url: string | undefined, schema: string | undefined) =>
  Effect.try({
    try: () => resolveOptions({ url, schema, environment: process.env }),
    catch: (error) => new CliError({ message: (error as Error).message })
  })

/** `tusk doctor`. */
export const doctorCommand = Command.make(
  "doctor",
  { ...databaseFlags, bootstrapServer: bootstrapFlag, ...objectStoreFlags },
  Effect.fn(function* (flags) {
    const server = Option.getOrUndefined(flags.bootstrapServer)
    const bootstrap = server === undefined ? [] : yield* valueOf(parseBootstrap(server))
    const url = yield* Effect.option(databaseUrl(flags))
    if (Option.isNone(url) && server === undefined) yield* databaseUrl(flags)
    const target = Option.isNone(url) ? undefined : yield* targetOf(url.value, schemaOf(flags))
    const objectStore = yield* openNamedStore(flags)
    const ofDatabase = target === undefined ? [] : yield* diagnose(target, objectStore)
    const ofBroker = server === undefined ? [] : yield* diagnoseBroker(bootstrap, packageVersion(), target)
    const findings = bySeverity([...ofBroker, ...ofDatabase])
    if ((yield* outputFormat) === "table") {
      const { stdout } = yield* Streams
      for (const finding of findings) yield* stdout.write(paragraph(finding, stdout.canColor))
    } else yield* printRows(columns, findings)
    const code = exitCodeOf(findings)
    if (code !== EXIT.ok) return yield* new Found({ code })
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Says what will hurt: of Postgres, its settings, sessions and tables, of rights and of what Tusk has left undone. It changes " +
      "nothing. Exit code 0: nothing; 3: warnings; 4: errors"
  )
)
