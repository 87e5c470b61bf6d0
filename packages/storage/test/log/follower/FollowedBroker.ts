/** A broker's storage on a real Postgres that keeps topics as rows, and a psql session beside it. */
import { GZIP } from "@tusk/protocol/record/Compression"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { EncodeOptions } from "@tusk/protocol/record/RecordBatch"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { Active } from "../../../src/commit/Active.ts"
import { Committer } from "../../../src/commit/Committer.ts"
import { compactionDefaults, followerDefaults, logDefaults, retentionDefaults } from "../../../src/defaults.ts"
import { deletions } from "../../../src/deletions.ts"
import { GroupStore } from "../../../src/groups/GroupStore.ts"
import { OpenBatches } from "../../../src/log/batches/OpenBatches.ts"
import { Compaction } from "../../../src/log/compaction/Compaction.ts"
import { CompactionOf, CompactionOptions } from "../../../src/log/compaction/CompactionOptions.ts"
import { Follower } from "../../../src/log/follower/Follower.ts"
import { FollowerOptions, KeepsRows } from "../../../src/log/follower/FollowerOptions.ts"
import { Log } from "../../../src/log/Log.ts"
import { LogOptions } from "../../../src/log/LogOptions.ts"
import { Retention } from "../../../src/log/retention/Retention.ts"
import { RetentionOptions } from "../../../src/log/retention/RetentionOptions.ts"
import { Offsets } from "../../../src/offsets/Offsets.ts"
import { SqlClaims } from "../../../src/offsets/SqlClaims.ts"
import type { PgConnection } from "../../../src/pg/connection/PgConnection.ts"
import { Store } from "../../../src/port/Store.ts"
import { Configs } from "../../../src/topics/Configs.ts"
import { Topics } from "../../../src/topics/Topics.ts"
import type { TestDatabase } from "../../pg/TestDatabase.ts"

/** Looks that nobody asks for come in an hour. */
const NEVER_MS = 3_600_000

const compacted = {
  minLagMs: 0,
  maxLagMs: 1e15,
  minDirtyRatio: 0,
  deleteRetentionMs: NEVER_MS,
  segmentMs: NEVER_MS,
  segmentBytes: 0
}

/** Topics that are followed; a test changes it. */
export type Following = Set<string>

interface BrokerOptions {
  /** Undefined: it has no follower. */
  readonly following: Following | undefined
  readonly stepBytes?: number
  /** As this role. */
  readonly user?: string
}

const layerOf = (database: TestDatabase, { following, stepBytes, user }: BrokerOptions) =>
  Layer.mergeAll(
    following === undefined
      ? Layer.succeed(Follower, { look: Effect.void, upkeep: Effect.void, erase: () => Effect.void, tables: () => [] })
      : Follower.layer,
    Retention.layer,
    Compaction.layer,
    deletions
  ).pipe(
    Layer.provideMerge(Layer.merge(Topics.layer, GroupStore.layer)),
    Layer.provideMerge(Layer.mergeAll(Configs.layer, Log.layer, OpenBatches.layer, Offsets.layer, SqlClaims.layer)),
    Layer.provideMerge(Committer.layer),
    Layer.provideMerge(Active.layer),
    Layer.provideMerge(Layer.effect(Store, database.open(user === undefined ? {} : { user }))),
    Layer.provide(
      Layer.mergeAll(
        // Small enough that what is behind is read from the database.
        Layer.succeed(LogOptions, { ...logDefaults, tailMaxBytes: 1000, readAheadBytes: 0 }),
        Layer.succeed(RetentionOptions, { ...retentionDefaults, intervalMs: NEVER_MS, checkIntervalMs: NEVER_MS }),
        Layer.succeed(CompactionOptions, { ...compactionDefaults, enabled: false }),
        Layer.succeed(CompactionOf, (topic) => (topic.startsWith("compacted") ? compacted : undefined)),
        Layer.succeed(KeepsRows, (topic) => following?.has(topic) === true),
        Layer.succeed(FollowerOptions, {
          ...followerDefaults,
          lookMs: NEVER_MS,
          upkeepIntervalMs: NEVER_MS,
          stepBytes: stepBytes ?? followerDefaults.stepBytes
        })
      )
    )
  )

const utf8 = new TextEncoder()

/** A record as `key=value`; without a sign it is the value, and `key=` a tombstone. */
const recordOf = (text: string) => {
  const [key, value] = text.includes("=") ? (text.split("=") as [string, string]) : [null, text]
  return {
    key: key === null ? null : utf8.encode(key),
    value: value === "" ? null : utf8.encode(value),
    timestamp: 5000n
  }
}

/** It stops with `stop`, or with the test's scope. */
export const startFollowed = Effect.fnUntraced(function* (database: TestDatabase, options: BrokerOptions) {
  const scope = yield* Scope.make()
  yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
  const context = yield* Layer.buildWithScope(Layer.fresh(layerOf(database, options)), scope)
  const log = Context.get(context, Log)
  const topics = Context.get(context, Topics)
  const committer = Context.get(context, Committer)
  const { look, upkeep } = Context.get(context, Follower)
  const partitionIdOf = (name: string, index = 0) => topics.byName(name)!.partitionIds[index]!
  return {
    log,
    look,
    upkeep,
    topics,
    partitionIdOf,
    rows: Context.get(context, Store).unpacked!,
    tables: Context.get(context, Store).materialised!,
    erase: Context.get(context, Follower).erase,
    states: Context.get(context, Follower).tables,
    compact: Context.get(context, Compaction).check,
    create: (name: string, partitions = 1) =>
      Effect.andThen(topics.create({ name, partitions, configs: new Map() }), look),
    /** A batch of these records, compressed if nothing else is said. */
    append: (
      name: string,
      records: ReadonlyArray<string>,
      encoding: EncodeOptions = { compression: GZIP },
      index = 0
    ) =>
      log.append([
        {
          partitionId: partitionIdOf(name, index),
          stampTime: false,
          mayBegin: () => undefined,
          batch: RecordBatch.encodeBatch(records.map(recordOf), encoding)
        }
      ]),
    endTransaction: (name: string, producerId: bigint, isCommitted: boolean) =>
      committer.submit(
        log.marking([
          {
            partitionId: partitionIdOf(name),
            marker: { producerId, producerEpoch: 0, coordinatorEpoch: 1, committed: isCommitted, raisesEpoch: false }
          }
        ])
      ),
    stop: Scope.close(scope, Exit.void)
  }
})

/** Each record of a topic that is there as a row, as `0 key=value`. */
export const rowsOf = (psql: PgConnection, topic: string) =>
  Effect.map(
    psql.query(`select "offset", kafka.as_text(key), kafka.as_text(value) from kafka.topic_records
      where topic = '${topic}' order by partition, "offset"`),
    (rows) => rows.map(([offset, key, value]) => `${offset} ${key === null ? value : `${key}=${value ?? ""}`}`)
  )

/** Waits until the row of an offset is there. */
export const arrived = (psql: PgConnection, topic: string, offset: number) =>
  Effect.flatMap(psql.query(`select kafka.await('${topic}', 0, ${offset}, '15 s')`), ([row]) =>
    row![0] === "t" ? Effect.void : Effect.die(new Error(`offset ${offset} of ${topic} is not there after 15 s`))
  )

/** Asks until a count is 0: for what goes in the background, of which nothing else tells. */
export const untilNone = (psql: PgConnection, sql: string) =>
  Effect.repeat(psql.query(sql), {
    schedule: Schedule.spaced("20 millis"),
    until: ([row]) => row![0] === "0"
  }).pipe(Effect.timeout("15 seconds"))
