import { adoption } from "@tusk/storage/log/objects/adoption"
import type { Adoption } from "@tusk/storage/log/objects/adoption"
import { databaseOf, ownerName, prefixOf } from "@tusk/storage/log/objects/OwnerRecord"
import { objectRowsOn } from "@tusk/storage/pg/PgStore/objectRows"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { CliError } from "../../CliError.ts"
import { note } from "../../terminal/Printing.ts"
import { Streams } from "../../terminal/Streams.ts"
import { inTime } from "../../doctor/Finding.ts"
import { openPlace, placeFlags } from "./place.ts"

const yesFlag = Flag.Boolean("yes").pipe(
  Flag.withDescription("take them from another database without asking, and where none of this one's is there"),
  Flag.withDefault(false)
)

/** Whose they are, and how long ago that was said. */
const ownerOf = ({ from, isAnother }: Adoption, nowMs: number): string => {
  if (from === undefined) return isAnother ? "the owner object cannot be read" : "the objects are nobody's"
  if (from.writer === "") return `the objects are adopted for ${databaseOf(from)}`
  const ago = inTime(Math.max(0, (nowMs - from.writtenAt) / 1000))
  return `the objects are those of ${databaseOf(from)}, epoch ${from.epoch}, which said so ${ago} ago`
}

/** The word of a person at the terminal. */
const isConfirmed = (question: string): Effect.Effect<boolean, never, Streams> =>
  Effect.flatMap(Streams, ({ stdin }) => Effect.map(stdin.secret(question), (word) => /^y(es)?$/i.test(word.trim())))

/** How many objects the database knows if the store has none of them: a folder that is not mounted, another prefix. */
const lacking = Effect.fnUntraced(function* ({
  clusterId,
  connection,
  store
}: Effect.Success<ReturnType<typeof openPlace>>) {
  const { objects } = yield* (yield* objectRowsOn(connection)).totals
  const stored = objects === 0 ? [] : yield* store.list(prefixOf(clusterId), undefined)
  return stored.some(({ name }) => name !== ownerName(clusterId)) ? 0 : objects
})

/** `tusk object adopt`. */
export const adoptCommand = Command.make(
  "adopt",
  { ...placeFlags, yes: yesFlag },
  Effect.fn(function* ({ yes, ...flags }) {
    const place = yield* openPlace(flags)
    const { clusterId, epoch, server, store } = place
    const found = yield* adoption(store, { clusterId, epoch, server })
    yield* note(`${ownerOf(found, yield* Clock.currentTimeMillis)} (${store.name}, cluster ${clusterId})`)
    const missing = yield* lacking(place)
    if (missing > 0 && !yes) {
      return yield* new CliError({
        message: `the database knows ${missing} objects, and this store has none of them: is it the right one, and mounted? If they are lost for good: --yes`
      })
    }
    if (found.isAnother && !yes) {
      const { stdin } = yield* Streams
      if (!stdin.isTerminal) {
        return yield* new CliError({
          message: "another database may still use them: end its broker first, then give --yes"
        })
      }
      const question = "Another database may still use them, and its broker must be stopped for good. Adopt? [y/N] "
      if (!(yield* isConfirmed(question))) return yield* new CliError({ message: "nothing is changed" })
    }
    if (!(yield* found.adopt)) {
      return yield* new CliError({ message: "the owner was changed meanwhile: look again, nothing is changed" })
    }
    yield* note(`they are adopted for ${databaseOf(server)}: a broker that waits for it goes on in a few seconds`)
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Makes the objects of a cluster those of this database: after a backup was restored or a standby was promoted while no broker " +
      "ran, as neither is read, put or removed before. Removes nothing; the database that owned them reads none of them any more"
  )
)
