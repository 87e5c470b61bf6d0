import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Active } from "../commit/Active.ts"
import type { StoredSecurity } from "../port/Security.ts"
import type { SqlSecurity } from "../port/SqlSecurity.ts"
import { Store } from "../port/Store.ts"
import type { StoreError } from "../port/StoreError.ts"
import { Recurring } from "../Recurring.ts"

/** How often it looks if nobody says that there is something: a transaction that was prepared says nothing. */
const LOOK_MS = 10_000
const RETRY_MS = 500

/** All rows are going to be read; what it returns is given them, or undefined if they could not be read. */
export type ReadHook = () => (stored: StoredSecurity | undefined) => void

/** Tells services what SQL sessions have changed of who may do what, who gets in and how much. */
export class SqlChanges extends Context.Service<
  SqlChanges,
  {
    readonly onRead: (hook: ReadHook) => void
    readonly hooks: ReadonlyArray<ReadHook>
  }
>()("@tusk/storage/security/SqlChanges") {
  static readonly layer: Layer.Layer<SqlChanges> = Layer.sync(SqlChanges, () => {
    const hooks: Array<ReadHook> = []
    return { hooks, onRead: (hook) => void hooks.push(hook) }
  })
}

/** Sees what SQL changes, for as long as this broker is the writer. Begins when all who want to be told are there. */
export const watchSqlChanges: Layer.Layer<never, never, Active | SqlChanges | Store> = Layer.effectDiscard(
  Effect.gen(function* () {
    const { security } = yield* Store
    if (security === undefined) return
    const active = yield* Active
    const { hooks } = yield* SqlChanges
    const watched = watching(active, security, hooks, new Recurring("security"))
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(active.whenReigning, watched)))
  })
)

/** One reign, until it is over or something fails. */
const watching = (
  active: Active["Service"],
  security: SqlSecurity,
  hooks: ReadonlyArray<ReadHook>,
  trouble: Recurring
): Effect.Effect<void> => {
  const next = look(active, security, hooks)
  return Effect.andThen(
    next,
    Effect.andThen(trouble.over("changes made in SQL are seen again"), Effect.forever(next))
  ).pipe(
    Effect.catchDefect((defect) => Effect.fail({ message: `a defect: ${String(defect)}` })),
    Effect.catch(({ message }) =>
      active.reign() === undefined ? Effect.void : Effect.andThen(trouble.seen(message), Effect.sleep(RETRY_MS))
    )
  )
}

/** Reads what has changed; else waits. */
const look = Effect.fnUntraced(function* (
  active: Active["Service"],
  security: SqlSecurity,
  hooks: ReadonlyArray<ReadHook>
) {
  const reign = active.reign()
  const changes = yield* security.changes
  if (changes.length === 0) return yield* security.woken(LOOK_MS)
  yield* readAgain(active, security, hooks, reign)
  // What is told again before it is seen is read again.
  yield* security.seen(changes)
})

const readAgain = (
  active: Active["Service"],
  security: SqlSecurity,
  hooks: ReadonlyArray<ReadHook>,
  reign: number | undefined
): Effect.Effect<void, StoreError> =>
  Effect.suspend(() => {
    const reads = hooks.map((hook) => hook())
    return Effect.onExit(security.load, (exit) =>
      Effect.sync(() => {
        // A take-over has read all itself, and what it read may be newer.
        const isOurs = exit._tag === "Success" && reign !== undefined && active.reign() === reign
        for (const read of reads) read(isOurs ? exit.value : undefined)
      })
    ).pipe(Effect.asVoid)
  })
