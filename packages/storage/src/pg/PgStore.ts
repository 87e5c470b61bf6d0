import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import { Store } from "../port/Store.ts"
import type { Told } from "../port/CommitStore.ts"
import type { Unit } from "../port/Write.ts"
import { Fenced, StoreRefused, StoreUnavailable } from "../port/StoreError.ts"
import type { AcquireError, StoreError } from "../port/StoreError.ts"
import { ConnectionLost } from "./connection/ConnectionError.ts"
import type { ConnectionError } from "./connection/ConnectionError.ts"
import { resolveOptions } from "./options/PgOptions.ts"
import type { PgOptions } from "./options/PgOptions.ts"
import { commit } from "./PgStore/commit.ts"
import { erasuresOf } from "./PgStore/ErasureSession.ts"
import { materialisedOf } from "./PgStore/materialisedRows.ts"
import { OffsetVacuum } from "./PgStore/OffsetVacuum.ts"
import { outboxOf } from "./PgStore/OutboxSession.ts"
import { publicationsOf } from "./PgStore/PublishSession.ts"
import { securityOf } from "./PgStore/SecuritySession.ts"
import { readsOf } from "./PgStore/reads.ts"
import { besideOf } from "./PgStore/SecondWriter.ts"
import { roleLoginsOf } from "./PgStore/RoleLogins.ts"
import { shadowOf } from "./PgStore/shadowStatements.ts"
import { endReign, takeOver } from "./PgStore/takeOver.ts"
import type { Memory, Reign } from "./PgStore/takeOver.ts"
import { unpackedOf } from "./PgStore/unpackedStatements.ts"
import { waitForDatabase } from "./PgStore/waitForDatabase.ts"
import { LastCommit } from "./PgStore/Witness.ts"

const asAcquireError = (error: ConnectionError | AcquireError, user: string): AcquireError => {
  switch (error._tag) {
    case "PgError": {
      const remedy = error.code === "42501" ? `; as the schema's owner: tusk migrate --grant-to ${user}` : ""
      return new StoreUnavailable({ message: `${error.message} (${error.code})${remedy}`, cause: error })
    }
    case "ConnectionLost":
      return new StoreUnavailable({ message: error.message, cause: error })
    case "NotSent":
      return new StoreRefused({ message: error.message, cause: error })
    default:
      return error
  }
}

const lockLost = ({ writer }: Reign): Effect.Effect<Fenced> =>
  Effect.map(writer.lost, (reason) => new Fenced({ message: `the cluster's lock is lost: ${reason}` }))

/** A commit; where batches lie that it has changed, is not known any more then. */
const store = (reign: Reign, units: ReadonlyArray<Unit>, last: LastCommit, vacuum: OffsetVacuum) =>
  Effect.ensuring(
    commit(reign, units, last, vacuum),
    Effect.sync(() => reign.readers.pointers.changed(units))
  )

const make = Effect.fnUntraced(function* (options: PgOptions) {
  const target = yield* Effect.try({
    try: () => resolveOptions(options),
    catch: (error) => (error instanceof StoreUnavailable ? error : new StoreUnavailable({ message: String(error) }))
  })
  const layerScope = yield* Effect.scope
  const acquiring = Semaphore.makeUnsafe(1)
  const memory: Memory = { last: new LastCommit(), lastBeside: new LastCommit(), previous: undefined, checked: false }

  /** While an `acquire` is in force. */
  let reign: Reign | undefined
  let started = false
  /** How long the very first `acquire` waits for its database: a standby has no end of it once it stood by. */
  let startLimitMs = target.startTimeoutMs

  const vacuum = yield* OffsetVacuum.start(
    Effect.suspend(
      () => reign?.readers.open ?? Effect.fail(new ConnectionLost({ message: "there is no writer", sent: false }))
    )
  )

  const end = (ending: Reign): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (reign === ending) reign = undefined
      return endReign(ending, memory)
    })

  const acquire = (told: Told) =>
    Effect.acquireRelease(
      acquiring.withPermits(1)(
        Effect.gen(function* () {
          if (reign !== undefined) yield* end(reign)
          const standsBy = () => {
            if (!started) startLimitMs = Infinity
          }
          const taken = yield* waitForDatabase(takeOver(target, told, memory, layerScope, standsBy), () => startLimitMs)
          started = true
          startLimitMs = 0
          reign = taken.reign
          return taken
        })
      ),
      (taken) => end(taken.reign),
      { interruptible: true }
    ).pipe(
      Effect.map(({ cluster }) => cluster),
      Effect.mapError((error) => asAcquireError(error, target.user))
    )

  const withReign = <A>(use: (reign: Reign) => Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
    Effect.suspend(() => {
      if (reign !== undefined && reign.writer.lostBecause === undefined) return use(reign)
      const reason = reign?.writer.lostBecause
      const message = "this broker does not hold the cluster's lock"
      return Effect.fail(new Fenced({ message: reason === undefined ? message : `${message}: ${reason}` }))
    })

  return Store.of({
    name: "postgres",
    acquire,
    lost: Effect.suspend(() => (reign === undefined ? Effect.never : lockLost(reign))),
    commit: (units) => withReign((session) => store(session, units, memory.last, vacuum)),
    beside: besideOf(withReign),
    ping: withReign(({ watch }) => watch.ping),
    heartbeat: withReign(({ watch }) => watch.heartbeat),
    outbox: outboxOf((use) => withReign(({ outbox }) => use(outbox))),
    ...readsOf(
      (use) => withReign(({ readers }) => use(readers)),
      () => reign?.readers
    ),
    security: securityOf((use) => withReign(({ security }) => use(security))),
    unpacked: unpackedOf(withReign),
    publications: publicationsOf(withReign),
    shadow: shadowOf((build) => withReign(({ shadow }) => shadow.send(build))),
    erasures: erasuresOf(withReign),
    materialised: materialisedOf(withReign),
    roles: roleLoginsOf(target, withReign),
    statistics: withReign(({ statistics }) => statistics.look)
  })
})

/**
 * Everything in schema `kafka` of a Postgres database, 14 or later, as a role that owns the schema or may create it.
 * Connects when asked: `acquire` tells what is wrong with the database. Fails only if the options cannot be read.
 */
export const layer = (options: PgOptions): Layer.Layer<Store, StoreUnavailable> => Layer.effect(Store, make(options))

/** Re-exported for those that only load this module when Postgres is chosen. */
export type { PgOptions } from "./options/PgOptions.ts"
