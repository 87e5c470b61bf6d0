import { isKafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { Active } from "../../../src/commit/Active.ts"
import { Committer } from "../../../src/commit/Committer.ts"
import { logDefaults, retentionDefaults, tierDefaults } from "../../../src/defaults.ts"
import { Log } from "../../../src/log/Log.ts"
import { LogOptions } from "../../../src/log/LogOptions.ts"
import { ObjectReader } from "../../../src/log/objects/ObjectReader.ts"
import { objectsLayer } from "../../../src/log/objects/Objects.ts"
import { Owner } from "../../../src/log/objects/Owner.ts"
import { Retention } from "../../../src/log/retention/Retention.ts"
import { RetentionOptions, RetentionPolicy } from "../../../src/log/retention/RetentionOptions.ts"
import { HasSecondTier } from "../../../src/log/rewriting/placing.ts"
import { Rewriting } from "../../../src/log/rewriting/Rewriting.ts"
import { Tiering } from "../../../src/log/tiering/Tiering.ts"
import { TierOptions, TierPolicies } from "../../../src/log/tiering/TierOptions.ts"
import type { TierPolicy } from "../../../src/log/tiering/TierOptions.ts"
import type { LocalLimits } from "../../../src/log/tiering/TierPlan.ts"
import { makeMemoryObjectStore, MemoryObjects } from "../../../src/object/memory/MemoryObjectStore.ts"
import { Offsets } from "../../../src/offsets/Offsets.ts"
import { SqlClaims } from "../../../src/offsets/SqlClaims.ts"
import { ObjectStore, ObjectStoreRefused } from "../../../src/port/ObjectStore.ts"
import { pointed } from "../../../src/port/pointed.ts"
import { Store } from "../../../src/port/Store.ts"
import { Counts, StorageCounts } from "../../../src/StorageCounts.ts"
import type { Port } from "../../../src/testing/storeScenarios.ts"
import { Configs } from "../../../src/topics/Configs.ts"
import { Topics } from "../../../src/topics/Topics.ts"

const READER = { maxGapBytes: 0, maxRangeBytes: 1 << 20, maxRanges: 4 }

/** Objects, and what a topic's configs say: both outlive a broker. */
export class TieredWorld {
  readonly objects = new MemoryObjects()
  readonly counts = new StorageCounts()
  /** By topic. */
  readonly policies = new Map<string, TierPolicy>()
  options = { ...tierDefaults, intervalMs: 1 << 30 }
  /** Runs once before the next object is put. */
  beforePut: Effect.Effect<void> = Effect.void
  /** Runs once before the next look at batches. */
  beforeSizes: Effect.Effect<void> = Effect.void
  isRefused = false

  get store(): ObjectStore {
    const memory = makeMemoryObjectStore(this.objects, { maxBytes: 1 << 28 })
    return {
      ...memory,
      put: (name, chunks) =>
        Effect.suspend(() => {
          if (this.isRefused) return Effect.fail(new ObjectStoreRefused({ message: "refused" }))
          const { beforePut } = this
          this.beforePut = Effect.void
          return Effect.andThen(beforePut, memory.put(name, chunks))
        })
    }
  }

  storeOf(port: Port): Store["Service"] {
    const store = pointed(port, new ObjectReader(this.store, Effect.void, READER))
    const sizes: typeof store.sizes = (...asked) =>
      Effect.suspend(() => {
        const { beforeSizes } = this
        this.beforeSizes = Effect.void
        return Effect.andThen(beforeSizes, store.sizes(...asked))
      })
    return { ...store, sizes }
  }

  moves(topic: string, limits: Partial<LocalLimits>): void {
    this.policies.set(topic, { _tag: "Moves", limits: { localMs: -1, localBytes: -1, ...limits } })
  }
}

const OWNER = Owner.of({
  state: () => ({ _tag: "Idle" }),
  mayRead: Effect.void,
  mayWrite: Effect.void,
  mayRemove: Effect.succeed(true),
  claim: () => Effect.void
})

const layerOf = (port: Port, world: TieredWorld) =>
  Layer.mergeAll(Tiering.layer, Retention.layer, Rewriting.layer).pipe(
    Layer.provideMerge(Topics.layer),
    Layer.provideMerge(Layer.mergeAll(Configs.layer, Log.layer, Offsets.layer, SqlClaims.layer)),
    Layer.provideMerge(Committer.layer),
    Layer.provideMerge(Layer.provide(objectsLayer, Layer.succeed(Owner, OWNER))),
    Layer.provideMerge(Active.layer),
    Layer.provide(Layer.succeed(Store, world.storeOf(port))),
    Layer.provide(
      Layer.mergeAll(
        Layer.succeed(ObjectStore, world.store),
        Layer.succeed(Counts, world.counts),
        Layer.succeed(TierOptions, world.options),
        Layer.succeed(TierPolicies, (topic) => world.policies.get(topic)),
        Layer.succeed(HasSecondTier, () => true),
        Layer.succeed(RetentionPolicy, () => undefined),
        Layer.succeed(RetentionOptions, { ...retentionDefaults, intervalMs: 1 << 30, checkIntervalMs: 1 << 30 }),
        // Reads go to the store.
        Layer.succeed(LogOptions, { ...logDefaults, tailMaxBytes: 0, readAheadBytes: 0 })
      )
    )
  )

/** Where a partition's tiers lie: log start, local start, end. */
type Places = readonly [logStart: number, localStart: number, end: number]

export interface TieredBroker {
  readonly port: Port
  readonly log: Log["Service"]
  readonly active: Active["Service"]
  readonly tiering: Tiering["Service"]
  readonly retention: Retention["Service"]
  readonly rewriting: Rewriting["Service"]
  readonly topics: Topics["Service"]
  /** Partition ids of a topic, made if there is none. */
  readonly partitions: (topic: string, count?: number) => Effect.Effect<ReadonlyArray<number>, unknown>
  readonly append: (partitionId: number, ...batches: ReadonlyArray<Uint8Array>) => Effect.Effect<void>
  readonly places: (partitionId: number) => Effect.Effect<Places>
  /** All batches from an offset on, as one answer has them. */
  readonly read: (partitionId: number, from?: bigint, maxBytes?: number) => Effect.Effect<ReadonlyArray<Uint8Array>>
  /** Of each batch that is there, whether it lies in an object. */
  readonly inObjects: (partitionId: number) => Effect.Effect<ReadonlyArray<boolean>, unknown>
}

/** A broker's storage with tiers, over a store of the caller's. */
export const withTiers = <A, E>(
  port: Port,
  world: TieredWorld,
  test: (broker: TieredBroker) => Effect.Effect<A, E>
): Effect.Effect<A, unknown> =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(Layer.fresh(layerOf(port, world)), scope)
    const [log, topics] = [Context.get(context, Log), Context.get(context, Topics)]
    const broker: TieredBroker = {
      port,
      log,
      topics,
      active: Context.get(context, Active),
      tiering: Context.get(context, Tiering),
      retention: Context.get(context, Retention),
      rewriting: Context.get(context, Rewriting),
      partitions: Effect.fnUntraced(function* (name, count = 1) {
        const topic = topics.byName(name) ?? (yield* topics.create({ name, partitions: count, configs: new Map() }))
        return topic.partitionIds
      }),
      append: Effect.fnUntraced(function* (partitionId, ...batches) {
        const results = yield* log.append(
          batches.map((batch) => ({ partitionId, batch, stampTime: false, mayBegin: () => undefined }))
        )
        for (const result of results) if (isKafkaError(result)) throw new Error(result._tag)
      }),
      places: (partitionId) =>
        Effect.map(log.ends([partitionId]), ([end]) => {
          if (isKafkaError(end!)) throw new Error(end._tag)
          const { highWatermark, localStartOffset, logStartOffset } = end!
          return [Number(logStartOffset), Number(localStartOffset), Number(highWatermark)]
        }),
      read: (partitionId, from = 0n, maxBytes = 1 << 24) =>
        Effect.map(
          log.read([{ partitionId, from, maxBytes }], { bound: "HighWatermark", maxBytes, atLeastOne: true }),
          ([found]) => {
            if (isKafkaError(found!)) throw new Error(`${found._tag}: ${found.message}`)
            return found!.batches.map((batch) => Uint8Array.from(batch))
          }
        ),
      inObjects: (partitionId) =>
        Effect.map(port.sizes(partitionId, 0n, 1000), (sizes) => sizes.map(({ inObject }) => inObject))
    }
    return yield* Effect.ensuring(test(broker), Scope.close(scope, Exit.void))
  })

export const baseOffsets = (batches: ReadonlyArray<Uint8Array>): ReadonlyArray<number> =>
  batches.map((batch) => Number(RecordBatch.baseOffset(batch)))
