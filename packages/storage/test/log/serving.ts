import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { Active } from "../../src/commit/Active.ts"
import { Committer } from "../../src/commit/Committer.ts"
import { isKafkaError, Log } from "../../src/log/Log.ts"
import type { Appended } from "../../src/log/Log.ts"
import { LogOptions } from "../../src/log/LogOptions.ts"
import { Offsets } from "../../src/offsets/Offsets.ts"
import { SqlClaims } from "../../src/offsets/SqlClaims.ts"
import { Configs } from "../../src/topics/Configs.ts"
import { Topics } from "../../src/topics/Topics.ts"
import type { FaultyStore } from "../FaultyStore.ts"
import { batchOf } from "./batch.ts"

const layerOf = (store: FaultyStore, tailMaxBytes: number) =>
  Topics.layer.pipe(
    Layer.provideMerge(Layer.mergeAll(Configs.layer, Log.layer, Offsets.layer, SqlClaims.layer)),
    Layer.provideMerge(Committer.layer),
    Layer.provideMerge(Active.layer),
    Layer.provide(store.layer),
    Layer.provide(
      Layer.succeed(LogOptions, {
        tailMaxBytes,
        tailIsAll: false,
        readAheadBytes: 1 << 20,
        failoverLeap: 1_000_000,
        snapshotEvery: 1000,
        maxProducers: 100,
        producerIdExpirationMs: 86_400_000
      })
    )
  )

interface Broker {
  readonly log: Log["Service"]
  readonly active: Active["Service"]
  readonly topics: Topics["Service"]
  readonly committing: Committer["Service"]["submit"]
  /** Partition ids of a topic, made if there is none. */
  readonly partitions: (count: number) => Effect.Effect<ReadonlyArray<number>, KafkaError>
}

/** A broker's storage over a store that may outlive it. */
export const serving = <A, E>(
  store: FaultyStore,
  test: (broker: Broker) => Effect.Effect<A, E>,
  tailMaxBytes = 1 << 20
): Effect.Effect<A, unknown> =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(Layer.fresh(layerOf(store, tailMaxBytes)), scope)
    const topics = Context.get(context, Topics)
    const partitions = Effect.fnUntraced(function* (count: number) {
      const topic = topics.byName("t") ?? (yield* topics.create({ name: "t", partitions: count, configs: new Map() }))
      return topic.partitionIds
    })
    const broker = {
      log: Context.get(context, Log),
      active: Context.get(context, Active),
      partitions,
      topics,
      committing: Context.get(context, Committer).submit
    }
    return yield* Effect.ensuring(test(broker), Scope.close(scope, Exit.void))
  })

export const append = (log: Log["Service"], partitionId: number, ...batches: ReadonlyArray<Uint8Array>) =>
  log.append(batches.map((batch) => ({ partitionId, batch, stampTime: false })))

export const offsets = (results: ReadonlyArray<Appended | KafkaError>) =>
  results.map((result) => (isKafkaError(result) ? result._tag : result.baseOffset))

export const readAll = (log: Log["Service"], partitionId: number, from = 0n) =>
  Effect.map(
    log.read([{ partitionId, from, maxBytes: 1 << 20 }], {
      bound: "HighWatermark",
      maxBytes: 1 << 20,
      atLeastOne: true
    }),
    ([read]) => (isKafkaError(read!) ? read._tag : read!.batches.map(RecordBatch.baseOffset))
  )

export const numbered = (baseSequence: number) => batchOf({ producerId: 7n, producerEpoch: 0, baseSequence })
