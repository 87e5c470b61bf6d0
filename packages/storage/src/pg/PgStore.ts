import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import { Store } from "../Store.ts"
import type { ClusterState, StoredPartition } from "../Store.ts"
import { Fenced, OutcomeUnknown, SchemaTooNew, StoreUnavailable } from "../StoreError.ts"
import type { AcquireError, StoreError } from "../StoreError.ts"
import { Connection } from "./connection/Connection.ts"
import type { ConnectionError } from "./connection/ConnectionError.ts"
import { resolveOptions } from "./PgOptions.ts"
import type { PgOptions, PgTarget } from "./PgOptions.ts"
import { identify, refusePooler, RELEASE, takeClusterLock, whoHolds } from "./PgStore/clusterLock.ts"
import type { Session } from "./PgStore/clusterLock.ts"
import { loadOffsetRows, takeOverCluster } from "./PgStore/clusterState.ts"
import { commitStatements } from "./PgStore/commitStatements.ts"
import { encodeCommit } from "./PgStore/encodeCommit.ts"
import { OffsetRows } from "./PgStore/OffsetRows.ts"
import { OffsetVacuum } from "./PgStore/OffsetVacuum.ts"
import { Readers } from "./PgStore/Readers.ts"
import {
  decodeGroups,
  decodeOffset,
  decodePartitions,
  decodeRead,
  decodeSize,
  encodeFindByTimestamp,
  encodePartitionIds,
  encodeRead,
  encodeSizes,
  readStatements
} from "./PgStore/readStatements.ts"
import { run } from "./connection/Connection.ts"
import { SCHEMA_VERSION } from "./SchemaVersion.ts"

/** Partitions whose ends are asked for in one statement. */
const LOAD_CHUNK = 1000

const unavailable = (error: ConnectionError): StoreUnavailable =>
  new StoreUnavailable({
    message: error._tag === "PgError" ? `${error.message} (${error.code})` : error.message,
    cause: error
  })

const asAcquireError = (error: ConnectionError | AcquireError): AcquireError =>
  error._tag === "PgError" || error._tag === "ConnectionLost" ? unavailable(error) : error

/** What a failed commit means (storage.md 12). */
const asCommitError = (error: ConnectionError): StoreError => {
  if (error._tag === "PgError") {
    const detail = error.detail === undefined ? "" : `: ${error.detail}`
    return new StoreUnavailable({
      message: `Postgres refused the commit: ${error.message}${detail} (${error.code})`,
      cause: error
    })
  }
  return error.sent
    ? new OutcomeUnknown({ message: `the connection was lost during a commit: ${error.message}`, cause: error })
    : new Fenced({ message: `the session that held the cluster's lock is gone: ${error.message}` })
}

/** Brings the schema up to this program's version, loading the installer only where there is something to do. */
const ensureSchema = (connection: Connection, target: PgTarget): Effect.Effect<void, ConnectionError | AcquireError> =>
  Effect.gen(function* () {
    const [there] = yield* connection.query("select to_regclass('kafka.migrations') is not null")
    if (there?.[0] === "t") {
      const [last] = yield* connection.query("select coalesce(max(migration_id), 0) from kafka.migrations")
      const found = Number(last?.[0])
      if (found > SCHEMA_VERSION) return yield* new SchemaTooNew({ found, known: SCHEMA_VERSION })
      if (found === SCHEMA_VERSION) return
    }
    const { install } = yield* Effect.promise(() => import("./Migrations.ts"))
    yield* install(target, connection.encrypted)
  })

/** An acknowledgement is worth what the server's disk settings are worth (reliability.md 4). */
const checkDurability = (
  connection: Connection,
  target: PgTarget
): Effect.Effect<void, ConnectionError | StoreUnavailable> =>
  Effect.gen(function* () {
    if (target.unsafeDurability === "ignore") return
    const [row] = yield* connection.query(
      "select current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit')"
    )
    const off = ["fsync", "full_page_writes", "synchronous_commit"].filter((_, i) => row?.[i] === "off")
    if (off.length === 0) return
    const message = `Postgres runs with ${off.join(" and ")} off: what producers are told is stored can be lost in a crash`
    if (target.unsafeDurability === "refuse") return yield* new StoreUnavailable({ message })
    yield* Effect.logWarning(`ATTENTION: ${message}`)
  })

const make = Effect.fnUntraced(function* (options: PgOptions) {
  const target = yield* Effect.try({
    try: () => resolveOptions(options),
    catch: (error) => (error instanceof StoreUnavailable ? error : new StoreUnavailable({ message: String(error) }))
  })
  const readers = new Readers(target)
  yield* Effect.addFinalizer(() => readers.close)
  const acquiring = Semaphore.makeUnsafe(1)

  /** The connection that holds the lock, while an `acquire` is in force. */
  let writer: Connection | undefined
  /** The last session that held the lock, if it was not seen to give it back. */
  let previous: Session | undefined
  let durabilityChecked = false
  let offsetRows = new OffsetRows([])
  const vacuum = yield* OffsetVacuum.start(readers.open)

  const end = (connection: Connection): Effect.Effect<void> =>
    Effect.map(connection.close(RELEASE), (released) => {
      if (writer !== connection) return
      writer = undefined
      if (released) previous = undefined
    })

  const takeOver = (connection: Connection): Effect.Effect<ClusterState, ConnectionError | AcquireError> =>
    Effect.gen(function* () {
      const encoding = connection.parameters.get("server_encoding") ?? "UTF8"
      if (encoding !== "UTF8" && encoding !== "SQL_ASCII") {
        const message = `the database ${target.database} is encoded in ${encoding}, and Tusk needs one in UTF8`
        return yield* new StoreUnavailable({ message })
      }
      const session = yield* identify(connection)
      yield* refusePooler(connection, session, readers.open)
      yield* takeClusterLock(connection, previous, target.lockWaitMs)
      previous = session
      writer = connection
      yield* ensureSchema(connection, target)
      if (!durabilityChecked) {
        yield* checkDurability(connection, target)
        durabilityChecked = true
      }
      yield* connection.prepare(Object.values(commitStatements))
      const cluster = yield* takeOverCluster(connection)
      offsetRows = yield* loadOffsetRows(connection)
      return cluster
    })

  const acquire = Effect.acquireRelease(
    acquiring.withPermits(1)(
      Effect.gen(function* () {
        if (writer !== undefined) yield* end(writer)
        const connection = yield* Connection.open(target, target.applicationName)
        const cluster = yield* takeOver(connection).pipe(
          Effect.onExit((exit) => (exit._tag === "Failure" ? end(connection) : Effect.void))
        )
        return { connection, cluster }
      })
    ),
    ({ connection }) => end(connection),
    { interruptible: true }
  ).pipe(
    Effect.map(({ cluster }) => cluster),
    Effect.mapError(asAcquireError)
  )

  const withWriter = <A>(use: (connection: Connection) => Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
    Effect.suspend(() =>
      writer === undefined
        ? Effect.fail(new Fenced({ message: "this broker does not hold the cluster's lock" }))
        : use(writer)
    )

  const loadChunk = (ids: ReadonlyArray<number>): Effect.Effect<ReadonlyArray<StoredPartition>, StoreError> =>
    Effect.map(
      Effect.all(
        [readStatements.LoadPartitions, readStatements.LoadLeaderEpochs, readStatements.LoadProducerBatches].map(
          (statement) => readers.send((frame) => encodePartitionIds(frame, statement, ids))
        )
      ),
      ([partitions, epochs, batches]) => decodePartitions(partitions!, epochs!, batches!)
    )

  return Store.of({
    name: "postgres",
    acquire,
    commit: (units) =>
      withWriter((connection) => {
        const draft = offsetRows.draft()
        return Effect.matchEffect(
          connection.send((frame) => encodeCommit(frame, units, draft)),
          {
            onFailure: (error) => Effect.fail(asCommitError(error)),
            onSuccess: () =>
              Effect.sync(() => {
                draft.settle()
                vacuum.superseded(draft.superseded)
              })
          }
        )
      }),
    ping: withWriter((connection) =>
      connection.query(whoHolds).pipe(
        Effect.mapError((error) =>
          error._tag === "PgError" ? unavailable(error) : new Fenced({ message: `the lock is lost: ${error.message}` })
        ),
        Effect.flatMap(([holder]) =>
          Number(holder?.[0]) === previous?.processId
            ? Effect.void
            : Effect.fail(new Fenced({ message: "another session holds the cluster's lock" }))
        )
      )
    ),
    read: (requests, maxBytes) =>
      requests.length === 0
        ? Effect.succeed([])
        : Effect.map(
            readers.send((frame) => encodeRead(frame, requests, maxBytes)),
            (rows) => decodeRead(rows, requests.length)
          ),
    loadPartitions: (partitionIds) => {
      if (partitionIds.length <= LOAD_CHUNK) return loadChunk(partitionIds)
      const chunks: Array<ReadonlyArray<number>> = []
      for (let at = 0; at < partitionIds.length; at += LOAD_CHUNK) chunks.push(partitionIds.slice(at, at + LOAD_CHUNK))
      return Effect.map(Effect.forEach(chunks, loadChunk), (loaded) =>
        loaded.flat().sort((a, b) => a.partitionId - b.partitionId)
      )
    },
    findByTimestamp: (partitionId, timestamp) =>
      Effect.map(
        readers.send((frame) => encodeFindByTimestamp(frame, partitionId, timestamp)),
        ([row]) => row?.[0] ?? undefined
      ),
    sizes: (partitionId, from, limit) =>
      Effect.map(
        readers.send((frame) => encodeSizes(frame, partitionId, from, limit)),
        (rows) => rows.map(decodeSize)
      ),
    loadOffsets: Effect.map(
      readers.send((frame) => run(frame, readStatements.LoadOffsets, 0, () => {})),
      (rows) => rows.map(decodeOffset)
    ),
    loadGroups: Effect.map(
      readers.send((frame) => run(frame, readStatements.LoadGroups, 0, () => {})),
      decodeGroups
    )
  })
})

/**
 * Everything in schema `kafka` of a Postgres database, 14 or later, as a role that owns the schema or may create it.
 * Connects when asked: `acquire` tells what is wrong with the database. Fails only where the options cannot be read.
 */
export const layer = (options: PgOptions): Layer.Layer<Store, StoreUnavailable> => Layer.effect(Store, make(options))

/** Re-exported for those that only load this module when Postgres is chosen. */
export type { PgOptions } from "./PgOptions.ts"
