import { checkObjects } from "@tusk/storage/log/objects/checkObjects"
import type { ObjectTrouble } from "@tusk/storage/log/objects/checkObjects"
import { objectRowsOn } from "@tusk/storage/pg/PgStore/objectRows"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { EXIT, Found } from "../../CliError.ts"
import { note, outputFormat, printRows } from "../../terminal/Printing.ts"
import { jsonText } from "../../terminal/JsonText.ts"
import { Streams } from "../../terminal/Streams.ts"
import type { Column } from "../../terminal/Table.ts"
import { openPlace, placeFlags } from "./place.ts"

/** Printed at most; those beyond are counted. */
const MOST = 1000
/** An orphan is one that the collector should have taken by now: a day, the 70 minutes it waits, and its next looks. */
const ORPHAN_MS = 30 * 3_600_000

const columns: ReadonlyArray<Column<ObjectTrouble>> = [
  { title: "KIND", of: ({ kind }) => kind },
  { title: "OBJECT", of: ({ name, objectId }) => name ?? objectId },
  { title: "PARTITION ID", of: ({ partitionId }) => partitionId, right: true },
  { title: "OFFSET", of: ({ offset }) => offset, right: true },
  { title: "SEEN", of: ({ seen }) => seen }
]

/** `tusk object check`. */
export const checkCommand = Command.make(
  "check",
  {
    ...placeFlags,
    deep: Flag.Boolean("deep").pipe(
      Flag.withDescription("reads every batch, too, and looks at its checksum"),
      Flag.withDefault(false)
    )
  },
  Effect.fn(function* ({ deep, ...flags }) {
    const { clusterId, connection, store } = yield* openPlace(flags)
    yield* connection.query("set default_transaction_read_only = on")
    const shown: Array<ObjectTrouble> = []
    const checked = yield* checkObjects({
      clusterId,
      rows: yield* objectRowsOn(connection),
      store,
      isDeep: deep,
      orphansBefore: (yield* Clock.currentTimeMillis) - ORPHAN_MS,
      found: (trouble) => Effect.sync(() => void (shown.length < MOST && shown.push(trouble)))
    })
    const { batches, bytes, objects, troubles } = checked
    if ((yield* outputFormat) === "json") {
      const { stdout } = yield* Streams
      yield* stdout.write(`${jsonText({ ...checked, findings: shown })}\n`)
    } else {
      yield* printRows(columns, shown)
      if (troubles > shown.length) yield* note(`${troubles - shown.length} more are not shown`)
      yield* note(`${objects} objects with ${batches} batches of ${bytes} bytes: ${troubles} troubles`)
    }
    if (troubles > 0) return yield* new Found({ code: EXIT.failure })
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Whether every batch that lies in an object is there, and no object without a batch stays for too long. It changes nothing, and " +
      "may run beside the broker. Exit code 1: something is wrong"
  )
)
