/** A broker's storage that erases, over a store of a test's own. */
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { DecodedRecord, EncodeOptions } from "@tusk/protocol/record/RecordBatch"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { Active } from "../../../src/commit/Active.ts"
import { Committer } from "../../../src/commit/Committer.ts"
import {
  compactionDefaults,
  eraseDefaults,
  followerDefaults,
  logDefaults,
  mergeDefaults,
  retentionDefaults
} from "../../../src/defaults.ts"
import { deletions } from "../../../src/deletions.ts"
import { GroupStore } from "../../../src/groups/GroupStore.ts"
import { OpenBatches, OpenBatchesOptions } from "../../../src/log/batches/OpenBatches.ts"
import { Compaction } from "../../../src/log/compaction/Compaction.ts"
import { CompactionOf, CompactionOptions } from "../../../src/log/compaction/CompactionOptions.ts"
import { Erase } from "../../../src/log/erase/Erase.ts"
import { EraseOptions } from "../../../src/log/erase/EraseOptions.ts"
import { Follower } from "../../../src/log/follower/Follower.ts"
import { FollowerOptions, KeepsRows } from "../../../src/log/follower/FollowerOptions.ts"
import { MergeOptions } from "../../../src/log/merging/MergeOptions.ts"
import { Merger } from "../../../src/log/merging/Merger.ts"
import { isKafkaError, Log } from "../../../src/log/Log.ts"
import { LogOptions } from "../../../src/log/LogOptions.ts"
import { Retention } from "../../../src/log/retention/Retention.ts"
import { RetentionOptions } from "../../../src/log/retention/RetentionOptions.ts"
import { Offsets } from "../../../src/offsets/Offsets.ts"
import { SqlClaims } from "../../../src/offsets/SqlClaims.ts"
import { Store } from "../../../src/port/Store.ts"
import type { ObjectsInTest } from "../objects/ObjectsInTest.ts"
import { Configs } from "../../../src/topics/Configs.ts"
import { Topics } from "../../../src/topics/Topics.ts"

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

export interface ErasingOptions {
  readonly erase?: Partial<typeof eraseDefaults>
  readonly tailMaxBytes?: number
  readonly readAheadBytes?: number
  readonly maxDecompressedBytes?: number
  /** Topics that are followed. */
  readonly following?: ReadonlySet<string>
  /** Where batches lie that are put into objects. */
  readonly objects?: ObjectsInTest
  readonly merge?: Partial<typeof mergeDefaults>
}

const layerOf = (store: Layer.Layer<Store, unknown>, options: ErasingOptions) =>
  Layer.mergeAll(
    Layer.provideMerge(Erase.layer, Follower.layer),
    Retention.layer,
    Compaction.layer,
    Merger.layer,
    deletions
  ).pipe(
    Layer.provideMerge(Layer.merge(Topics.layer, GroupStore.layer)),
    Layer.provideMerge(Layer.mergeAll(Configs.layer, Log.layer, OpenBatches.layer, Offsets.layer, SqlClaims.layer)),
    Layer.provideMerge(Committer.layer),
    Layer.provideMerge(Active.layer),
    Layer.provideMerge(options.objects?.storeOf(store) ?? store),
    Layer.provide(
      Layer.mergeAll(
        options.objects?.layer ?? Layer.empty,
        Layer.succeed(MergeOptions, { ...mergeDefaults, intervalMs: NEVER_MS, ...options.merge }),
        Layer.succeed(LogOptions, {
          ...logDefaults,
          tailMaxBytes: options.tailMaxBytes ?? 0,
          readAheadBytes: options.readAheadBytes ?? 0
        }),
        Layer.succeed(OpenBatchesOptions, { maxDecompressedBytes: options.maxDecompressedBytes ?? 1 << 20 }),
        Layer.succeed(RetentionOptions, { ...retentionDefaults, intervalMs: 50, checkIntervalMs: NEVER_MS }),
        Layer.succeed(CompactionOptions, { ...compactionDefaults, enabled: false }),
        Layer.succeed(CompactionOf, (topic) => (topic.startsWith("compacted") ? compacted : undefined)),
        Layer.succeed(KeepsRows, (topic) => options.following?.has(topic) === true),
        Layer.succeed(FollowerOptions, { ...followerDefaults, lookMs: NEVER_MS, upkeepIntervalMs: NEVER_MS }),
        Layer.succeed(EraseOptions, { ...eraseDefaults, bytesPerSecond: Infinity, ...options.erase })
      )
    )
  )

const LIMITS = { maxDecompressedBytes: 1 << 20 }
const utf8 = new TextEncoder()
const textOf = (bytes: Uint8Array | null) => (bytes === null ? "" : Buffer.from(bytes).toString())

/** A record as `key=value`, and `key=` a tombstone; without a sign it is the value. */
export const recordOf = (text: string) => {
  const [key, value] = text.includes("=") ? (text.split("=") as [string, string]) : [null, text]
  return {
    key: key === null ? null : utf8.encode(key),
    value: value === "" ? null : utf8.encode(value),
    timestamp: 5000n
  }
}

/** Records of a batch, as `0 key=value`. */
export const recordsOf = (batch: Uint8Array): ReadonlyArray<string> =>
  (RecordBatch.decodeRecords(batch, LIMITS) as ReadonlyArray<DecodedRecord>).map(
    ({ key, offset, value }) => `${offset} ${key === null ? "" : `${textOf(key)}=`}${textOf(value)}`
  )

/** It stops with `stop`, or with the test's scope. */
export const startErasing = Effect.fnUntraced(function* (
  store: Layer.Layer<Store, unknown>,
  options: ErasingOptions = {}
) {
  const scope = yield* Scope.make()
  yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
  const context = yield* Layer.buildWithScope(Layer.fresh(layerOf(store, options)), scope)
  const log = Context.get(context, Log)
  const topics = Context.get(context, Topics)
  const committer = Context.get(context, Committer)
  const follower = Context.get(context, Follower)
  const partitionIdOf = (name: string, index = 0) => topics.byName(name)!.partitionIds[index]!
  /** All batches as a consumer that reads on has them, or only those of one read. */
  const batches = Effect.fnUntraced(function* (name: string, from = 0n, once = false) {
    const found: Array<Uint8Array> = []
    let at = from
    while (true) {
      const [read] = yield* log.read([{ partitionId: partitionIdOf(name), from: at, maxBytes: 200 }], {
        bound: "HighWatermark",
        maxBytes: 200,
        atLeastOne: true
      })
      if (isKafkaError(read!)) return yield* read
      if (read!.batches.length === 0) return found
      found.push(...read!.batches)
      at = RecordBatch.lastOffset(found.at(-1)!) + 1n
      if (once) return found
    }
  })
  return {
    log,
    topics,
    active: Context.get(context, Active),
    erase: Context.get(context, Erase),
    follower,
    merge: Context.get(context, Merger).check,
    store: Context.get(context, Store),
    compact: Context.get(context, Compaction).check,
    retain: Context.get(context, Retention).check,
    partitionIdOf,
    batches,
    records: (name: string, from = 0n) => Effect.map(batches(name, from), (found) => found.flatMap(recordsOf)),
    create: (name: string, partitions = 1) =>
      Effect.andThen(topics.create({ name, partitions, configs: new Map() }), follower.look),
    append: (name: string, records: ReadonlyArray<string>, encoding: EncodeOptions = {}) =>
      log.append([
        {
          partitionId: partitionIdOf(name),
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
