import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Committer } from "../../commit/Committer.ts"
import { Recurring } from "../../Recurring.ts"
import { Store } from "../../port/Store.ts"
import { Counts } from "../../StorageCounts.ts"
import { Topics } from "../../topics/Topics.ts"
import { Log } from "../Log.ts"
import { makeDeleteBatches } from "./BatchDeletion.ts"
import { makeCheckTopics } from "./checkTopics.ts"
import { makePartitionRetention } from "./PartitionRetention.ts"
import { RetentionOptions, RetentionPolicy } from "./RetentionOptions.ts"

const EVERYTHING = (1n << 63n) - 1n

/** Deletes in the background, in bounded steps, what no client can read any more. */
export class Retention extends Context.Service<
  Retention,
  {
    /** Deletes the batches of deleted topics' partitions now. */
    readonly sweep: Effect.Effect<void>
    /** Raises log starts over what is too old now, and deletes the batches below every log start. */
    readonly check: Effect.Effect<void>
    /** Begins to delete what lies below these partitions' log starts; does not wait for it. */
    readonly reclaim: (partitionIds: ReadonlyArray<number>) => Effect.Effect<void>
  }
>()("@tusk/storage/log/retention/Retention") {
  static readonly layer = Layer.effect(
    Retention,
    Effect.gen(function* () {
      const store = yield* Store
      const committer = yield* Committer
      const topics = yield* Topics
      const log = yield* Log
      const options = yield* RetentionOptions
      const scope = yield* Effect.scope
      const deleteBatches = makeDeleteBatches(store, committer, options, yield* Counts)
      const partitions = makePartitionRetention(log, store, deleteBatches)
      const check = makeCheckTopics(log, topics, yield* RetentionPolicy, partitions, new Recurring("log"))
      const sweeping = new Recurring("log")
      const reclaiming = new Recurring("log")

      const sweepOrphan = Effect.fnUntraced(function* (partitionId: number) {
        // No request asks for its producers again.
        yield* deleteBatches(partitionId, EVERYTHING, (removal) => removal)
        yield* committer.write([{ _tag: "DropPartition", partitionId }])
        topics.orphanGone(partitionId)
      })

      const sweep = Effect.suspend(() =>
        Effect.forEach(topics.orphans(), sweepOrphan, { discard: true }).pipe(
          Effect.andThen(sweeping.over("what is deleted goes again")),
          Effect.catch((error) => sweeping.seen(`what is deleted goes later: ${error.message}`))
        )
      )

      const reclaim = (partitionIds: ReadonlyArray<number>) =>
        Effect.forEach(partitionIds, partitions.settle, { discard: true }).pipe(
          Effect.andThen(reclaiming.over("deleting records goes on")),
          Effect.catch((error) => reclaiming.seen(`deleting records goes on later: ${error.message}`)),
          Effect.forkIn(scope),
          Effect.asVoid
        )

      yield* Effect.forkScoped(often(options.intervalMs, sweep))
      yield* Effect.forkScoped(often(options.checkIntervalMs, check))
      return Retention.of({ sweep, check, reclaim })
    })
  )
}

/** A bug ends one look, and not all that would follow. */
const often = (everyMs: number, look: Effect.Effect<void>): Effect.Effect<never> => {
  const guarded = Effect.catchDefect(look, (defect) => Effect.logError("defect in retention", defect))
  return Effect.forever(Effect.andThen(Effect.sleep(everyMs), guarded))
}
