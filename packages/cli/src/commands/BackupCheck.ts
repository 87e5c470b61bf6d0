import { connect } from "@tusk/storage/pg/connection/connect"
import { resolveOptions } from "@tusk/storage/pg/options/PgOptions"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { checkCopy, compareWithLive } from "../backup/backupCheck.ts"
import { totalBytes } from "../backup/Copy.ts"
import type { Damage, Report } from "../backup/Damage.ts"
import { Pace } from "../backup/Pace.ts"
import { CliError, EXIT, Found } from "../CliError.ts"
import { note, outputFormat, printRows } from "../terminal/Printing.ts"
import { jsonText } from "../terminal/JsonText.ts"
import { Streams } from "../terminal/Streams.ts"
import type { Column } from "../terminal/Table.ts"
import { databaseFlags, databaseUrl, schemaOf } from "./DatabaseFlags.ts"
import { objectStoreFlags, openNamedStore } from "./object/place.ts"

const columns: ReadonlyArray<Column<Damage>> = [
  { title: "SEVERITY", of: ({ severity }) => severity },
  { title: "CHECK", of: ({ check }) => check },
  { title: "TOPIC", of: ({ topic }) => topic },
  { title: "PARTITION", of: ({ partition }) => partition, right: true },
  { title: "OFFSET", of: ({ offset }) => offset, right: true },
  { title: "SEEN", of: ({ seen }) => seen }
]

const open = (url: string | undefined, schema: string | undefined) =>
  Effect.gen(function* () {
    const target = yield* Effect.try({
      try: () => resolveOptions({ url, schema, environment: process.env, targetSessionAttrs: "any" }),
      catch: (error) => new CliError({ message: (error as Error).message })
    })
    return yield* Effect.acquireRelease(connect(target, "tusk/backup-check"), (each) => Effect.sync(() => each.leave()))
  })

const MEGABYTE = 1024 * 1024

/** A line that is written over and over, on a terminal. */
const progressOf = Effect.fnUntraced(function* (total: number) {
  const { stderr } = yield* Streams
  return (bytes: number, at: string) => {
    if (!stderr.isTerminal) return Effect.void
    const share = total === 0 ? 100 : Math.min(100, Math.round((100 * bytes) / total))
    const line = `${Math.round(bytes / MEGABYTE)} of ${Math.round(total / MEGABYTE)} MB, ${share} %, ${at}`
    return stderr.write(`\r${line.slice(0, stderr.columns - 1).padEnd(stderr.columns - 1)}`)
  }
})

const summaryOf = ({
  batches,
  bytes,
  counts,
  groupOffsets,
  objectBatches,
  objectBytes,
  objects,
  partitions,
  untold
}: Report) => ({
  partitions,
  batches,
  bytes,
  groupOffsets,
  objectBatches,
  objectBytes,
  objects,
  errors: counts.error,
  warnings: counts.warning,
  untold
})

const print = Effect.fnUntraced(function* (report: Report) {
  const summary = summaryOf(report)
  const { stderr, stdout } = yield* Streams
  if ((yield* outputFormat) === "json") {
    return yield* stdout.write(`${jsonText({ ...summary, findings: report.damages })}\n`)
  }
  if (stderr.isTerminal) yield* stderr.write(`\r${" ".repeat(stderr.columns - 1)}\r`)
  yield* printRows(columns, report.damages)
  if (summary.untold > 0) yield* note(`${summary.untold} more are not shown`)
  const { batches, bytes, errors, groupOffsets, objectBatches, objectBytes, objects, partitions, warnings } = summary
  if (objectBatches > 0)
    yield* note(
      `${objectBatches} of the batches, ${objectBytes} bytes, lie in objects: ${objects === null ? "--object-store looks for them" : `${objects} were looked for`}`
    )
  yield* note(
    `${partitions} partitions, ${batches} batches, ${bytes} bytes and ${groupOffsets} committed offsets read: ` +
      `${errors} errors, ${warnings} warnings`
  )
})

/** `tusk backup-check`. */
export const backupCheckCommand = Command.make(
  "backup-check",
  {
    ...databaseFlags,
    ...objectStoreFlags,
    liveDatabaseUrl: Flag.String("live-database-url").pipe(
      Flag.withMetavar("URL"),
      Flag.withDescription("the database that the copy is of: tells how far the copy is behind"),
      Flag.optional
    ),
    maxRate: Flag.Int("max-rate").pipe(
      Flag.withMetavar("MB/S"),
      Flag.withDescription("megabytes of records read in a second, 0 for as fast as it goes (100)"),
      Flag.withDefault(100)
    )
  },
  Effect.fn(function* (flags) {
    if (flags.maxRate < 0) return yield* new CliError({ message: `--max-rate ${flags.maxRate}: below 0` })
    const copy = yield* open(yield* databaseUrl(flags), schemaOf(flags))
    const total = yield* Effect.orElseSucceed(totalBytes(copy), () => 0)
    const objects = yield* openNamedStore(flags)
    const report = yield* checkCopy(copy, new Pace(flags.maxRate, yield* progressOf(total)), objects)
    const liveUrl = Option.getOrUndefined(flags.liveDatabaseUrl)
    if (liveUrl !== undefined && report.partitions > 0)
      yield* compareWithLive(copy, yield* open(liveUrl, schemaOf(flags)), report)
    yield* print(report)
    if (report.counts.error > 0) return yield* new Found({ code: EXIT.errorsFound })
    if (report.counts.warning > 0) return yield* new Found({ code: EXIT.warningsFound })
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Whether Tusk would serve from a restored copy of its database: every batch is read, and its checksum, its place and what " +
      "lies beside it are looked at. Of batches in objects the bytes are not read; with --object-store each object is looked for. It changes nothing. Exit code 0: all is well; 3: warnings; 4: errors"
  )
)
