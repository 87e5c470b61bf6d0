import { isKafkaError } from "@tusk/protocol/KafkaError"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Active } from "../../commit/Active.ts"
import { Committer } from "../../commit/Committer.ts"
import { Recurring } from "../../Recurring.ts"
import { Store } from "../../port/Store.ts"
import { Counts } from "../../StorageCounts.ts"
import { Topics } from "../../topics/Topics.ts"
import type { Topic } from "../../topics/Topics.ts"
import { BatchCodec } from "../batches/BatchCodec.ts"
import { OpenBatches } from "../batches/OpenBatches.ts"
import { Log } from "../Log.ts"
import { makeFilterBatch } from "../rewriting/filterBatch.ts"
import { Rewriting } from "../rewriting/Rewriting.ts"
import { makeReadBatches, makeWalkBatches } from "../rewriting/walkBatches.ts"
import { makeCollectKeys } from "./collectKeys.ts"
import { CompactionOf, CompactionOptions } from "./CompactionOptions.ts"
import { CompactionStates } from "./CompactionStates.ts"
import { PartitionCompaction } from "./PartitionCompaction.ts"
import { Resting } from "./Resting.ts"
import { makeRewriteBatches } from "./rewriteBatches.ts"

/**
 * `cleanup.policy=compact`: of each key the latest record stays. Goes over a partition twice: the new part tells the
 * latest offset of each key, then every batch from the log start on loses its superseded records, a few batches a
 * commit. Offsets stay as they are. A crash between two commits costs the work of that pass: what was taken away is
 * superseded still.
 */
export class Compaction extends Context.Service<
  Compaction,
  {
    /** Compacts every partition that is due. */
    readonly check: Effect.Effect<void>
  }
>()("@tusk/storage/log/compaction/Compaction") {
  private static readonly layerNoDeps = Layer.effect(
    Compaction,
    Effect.gen(function* () {
      const store = yield* Store
      const active = yield* Active
      const committer = yield* Committer
      const topics = yield* Topics
      const log = yield* Log
      const policyOf = yield* CompactionOf
      const open = yield* OpenBatches
      const { backoffMs, enabled, maxKeyBytes, stepBytes } = yield* CompactionOptions
      const states = new CompactionStates(store)
      const resting = new Resting()
      const rewriting = yield* Rewriting
      const read = makeReadBatches(store, stepBytes)
      const collect = makeCollectKeys(makeWalkBatches(read), open, maxKeyBytes)
      const filter = makeFilterBatch(open, yield* BatchCodec)
      const rewrite = makeRewriteBatches(makeWalkBatches(read, rewriting.inTurn), filter)
      const counts = yield* Counts
      const ports = { store, committer, log, rewriting, states, resting, collect, rewrite, counts }
      const partitions = new PartitionCompaction(ports)
      const trouble = new Recurring("log")
      let isWhole = true

      active.onTakeOver(() =>
        Effect.sync(() => {
          states.clear()
          resting.clear()
        })
      )

      const checkTopic = Effect.fnUntraced(function* ({ name, partitionIds }: Topic) {
        const policy = policyOf(name)
        if (policy === undefined) return
        const nowMs = BigInt(yield* Clock.currentTimeMillis)
        const ends = yield* log.measured(partitionIds)
        const due = partitionIds.filter((partitionId, index) => {
          const end = ends[index]!
          return !isKafkaError(end) && !resting.has(partitionId, end, policy, states.of(partitionId), nowMs)
        })
        const postponed = (error: { readonly message: string }) =>
          Effect.suspend(() => {
            isWhole = false
            return trouble.seen(`compaction of ${name} goes on later: ${error.message}`)
          })
        yield* Effect.catch(states.load(due), postponed)
        for (const partitionId of due) yield* Effect.catch(partitions.check(partitionId, policy), postponed)
      })

      const check = Effect.suspend(() => {
        resting.keepOnly((partitionId) => topics.ofPartition(partitionId) !== undefined)
        isWhole = true
        const over = Effect.suspend(() => (isWhole ? trouble.over("compaction goes on") : Effect.void))
        return Effect.andThen(Effect.forEach(topics.all(), checkTopic, { discard: true }), over)
      })

      const guarded = Effect.catchDefect(check, (defect) => Effect.logError("defect in compaction", defect))
      if (enabled) yield* Effect.forever(Effect.andThen(Effect.sleep(backoffMs), guarded)).pipe(Effect.forkScoped)
      return Compaction.of({ check })
    })
  )

  /** A layer is built once: whoever rewrites logs takes turns with the others. */
  static readonly layer = Layer.provide(this.layerNoDeps, Rewriting.layer)
}
