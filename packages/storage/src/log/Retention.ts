import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Committer } from "../Committer.ts"
import { Store } from "../Store.ts"
import { Topics } from "../Topics.ts"

export interface RetentionOptions {
  readonly intervalMs: number
  /** Batches deleted by one commit: what an append may have to wait for. */
  readonly batchesPerStep: number
}

export const RetentionOptions = Context.Reference<RetentionOptions>("@tusk/storage/RetentionOptions", {
  defaultValue: () => ({ intervalMs: 5000, batchesPerStep: 500 })
})

const EVERYTHING = (1n << 63n) - 1n

/** Deletes in the background, in bounded steps, what nobody can read any more. */
export class Retention extends Context.Service<
  Retention,
  {
    /** Deletes the batches of deleted topics' partitions now. */
    readonly sweep: Effect.Effect<void>
  }
>()("@tusk/storage/log/Retention") {
  static readonly layer = Layer.effect(
    Retention,
    Effect.gen(function* () {
      const store = yield* Store
      const committer = yield* Committer
      const topics = yield* Topics
      const { batchesPerStep, intervalMs } = yield* RetentionOptions

      const sweepOrphan = Effect.fnUntraced(function* (partitionId: number) {
        while (true) {
          const [left] = yield* store.read([{ partitionId, from: 0n, maxBytes: 1 }], 1)
          if (left === undefined || left.length === 0) break
          yield* committer.write([{ _tag: "DeleteBatches", partitionId, below: EVERYTHING, limit: batchesPerStep }])
        }
        yield* committer.write([{ _tag: "DropPartition", partitionId }])
        topics.orphanGone(partitionId)
      })

      const sweep = Effect.suspend(() =>
        Effect.forEach(topics.orphans(), sweepOrphan, { discard: true }).pipe(
          Effect.catch((error) => Effect.logWarning(`retention goes on later: ${error.message}`))
        )
      )

      yield* Effect.forever(Effect.andThen(Effect.sleep(intervalMs), sweep)).pipe(Effect.forkScoped)
      return Retention.of({ sweep })
    })
  )
}
