import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Committer } from "../Committer.ts"
import { Store } from "../Store.ts"
import { Topics } from "../Topics.ts"
import type { Topic } from "../Topics.ts"
import { isKafkaError, Log } from "./Log.ts"
import type { PartitionEnd } from "./Log.ts"

export interface RetentionOptions {
  /** How often deleted topics are looked for. */
  readonly intervalMs: number
  /** How often records too old are looked for, as `log.retention.check.interval.ms`. */
  readonly checkIntervalMs: number
  /** Batches deleted by one commit: what an append may have to wait for. */
  readonly batchesPerStep: number
}

export const RetentionOptions = Context.Reference<RetentionOptions>("@tusk/storage/RetentionOptions", {
  defaultValue: () => ({ intervalMs: 5000, checkIntervalMs: 300_000, batchesPerStep: 500 })
})

/** How long a topic's records stay, in milliseconds, negative for ever; undefined where its cleanup policy lacks delete. */
export type RetentionOf = (topic: string) => { readonly retentionMs: number } | undefined

export const RetentionPolicy = Context.Reference<RetentionOf>("@tusk/storage/RetentionPolicy", {
  defaultValue: () => () => undefined
})

interface Settled {
  readonly logStart: bigint
  /** Undefined: not known, or there is none. */
  readonly oldest: bigint | undefined
}

/** Whether its records can become too old: those without a time have no age. */
const ages = ({ highWatermark, logStartOffset, timestampHigh }: PartitionEnd, retentionMs: number): boolean =>
  retentionMs >= 0 && timestampHigh >= 0n && highWatermark > logStartOffset

const EVERYTHING = (1n << 63n) - 1n

/** Deletes in the background, in bounded steps, what nobody can read any more. */
export class Retention extends Context.Service<
  Retention,
  {
    /** Deletes the batches of deleted topics' partitions now. */
    readonly sweep: Effect.Effect<void>
    /** Raises log starts over what is too old now, and deletes the batches below every log start. */
    readonly check: Effect.Effect<void>
  }
>()("@tusk/storage/log/Retention") {
  static readonly layer = Layer.effect(
    Retention,
    Effect.gen(function* () {
      const store = yield* Store
      const committer = yield* Committer
      const topics = yield* Topics
      const log = yield* Log
      const retentionOf = yield* RetentionPolicy
      const { batchesPerStep, checkIntervalMs, intervalMs } = yield* RetentionOptions

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

      /**
       * Of partitions that were looked at: the log start below which nothing is left, and the time of the first batch
       * behind it. Until the start rises, or that time is too old, there is nothing to do.
       */
      let settled = new Map<number, Settled>()

      /**
       * The running maximum of times only rises: all before the first batch that reaches the cut is older. Tells that
       * batch's time.
       */
      const expire = Effect.fnUntraced(function* (partitionId: number, retentionMs: number, end: bigint) {
        const cut = BigInt(yield* Clock.currentTimeMillis) - BigInt(retentionMs)
        const kept = yield* store.findByTimestamp(partitionId, cut)
        const base = kept === undefined ? end : RecordBatch.baseOffset(kept)
        // What another commit has stored by now is no reader's yet.
        yield* log.raiseLogStart(partitionId, base < end ? base : end)
        return kept === undefined ? undefined : RecordBatch.maxTimestamp(kept)
      })

      const deleteBelow = Effect.fnUntraced(function* (partitionId: number, below: bigint) {
        let deleted = false
        while (true) {
          const [left] = yield* store.read([{ partitionId, from: 0n, maxBytes: 1 }], 1)
          const oldest = left?.[0]
          if (oldest === undefined || RecordBatch.lastOffset(oldest) >= below) break
          yield* committer.write([{ _tag: "DeleteBatches", partitionId, below, limit: batchesPerStep }])
          deleted = true
        }
        if (deleted) yield* log.measure(partitionId)
      })

      const checkPartition = Effect.fnUntraced(function* (
        partitionId: number,
        before: PartitionEnd,
        retentionMs: number
      ) {
        const oldest = ages(before, retentionMs)
          ? yield* expire(partitionId, retentionMs, before.highWatermark)
          : undefined
        const [after] = yield* log.ends([partitionId])
        if (after === undefined || isKafkaError(after)) return undefined
        if (after.sizeBytes > 0n && after.logStartOffset > 0n) yield* deleteBelow(partitionId, after.logStartOffset)
        return { logStart: after.logStartOffset, oldest }
      })

      const checkTopic = Effect.fnUntraced(function* (topic: Topic, found: Map<number, Settled>) {
        const retentionMs = retentionOf(topic.name)?.retentionMs ?? -1
        const ends = yield* log.ends(topic.partitionIds)
        const cut = BigInt(yield* Clock.currentTimeMillis) - BigInt(retentionMs)
        for (const [index, partitionId] of topic.partitionIds.entries()) {
          const end = ends[index]!
          if (isKafkaError(end)) continue
          const known = settled.get(partitionId)
          if (known?.logStart === end.logStartOffset) {
            if (!ages(end, retentionMs) || (known.oldest !== undefined && cut <= known.oldest)) {
              found.set(partitionId, known)
              continue
            }
          }
          const now = yield* Effect.catch(checkPartition(partitionId, end, retentionMs), (error) =>
            Effect.as(Effect.logWarning(`retention of ${topic.name} goes on later: ${error.message}`), undefined)
          )
          if (now !== undefined) found.set(partitionId, now)
        }
      })

      const check = Effect.suspend(() => {
        // What is gone is not remembered.
        const found = new Map<number, Settled>()
        return Effect.forEach(topics.all(), (topic) => checkTopic(topic, found), { discard: true }).pipe(
          Effect.andThen(
            Effect.sync(() => {
              settled = found
            })
          )
        )
      })

      yield* Effect.forever(Effect.andThen(Effect.sleep(intervalMs), sweep)).pipe(Effect.forkScoped)
      yield* Effect.forever(Effect.andThen(Effect.sleep(checkIntervalMs), check)).pipe(Effect.forkScoped)
      return Retention.of({ sweep, check })
    })
  )
}
