import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Committer } from "../../commit/Committer.ts"
import { writing } from "../../commit/Participant.ts"
import type { Participant } from "../../commit/Participant.ts"
import { retentionDefaults } from "../../defaults.ts"
import { Store } from "../../port/Store.ts"
import { Topics } from "../../topics/Topics.ts"
import type { Topic } from "../../topics/Topics.ts"
import { isKafkaError, Log } from "../Log.ts"
import type { MeasuredEnd } from "../Log.ts"

export interface RetentionOptions {
  /** How often deleted topics are looked for. */
  readonly intervalMs: number
  /** How often records too old are looked for, as `log.retention.check.interval.ms`. */
  readonly checkIntervalMs: number
  /** Batches, and bytes of them, deleted by one commit at most: what an append may have to wait for. */
  readonly batchesPerStep: number
  readonly bytesPerStep: number
}

export const RetentionOptions = Context.Reference<RetentionOptions>("@tusk/storage/RetentionOptions", {
  defaultValue: () => retentionDefaults
})

export interface RetentionLimits {
  /** `retention.ms`: how long records stay, in milliseconds; negative for ever. */
  readonly retentionMs: number
  /** `retention.bytes` of each partition; negative: as many as there are. */
  readonly retentionBytes: number
}

/** What a topic keeps; undefined where its cleanup policy lacks delete. */
export type RetentionOf = (topic: string) => RetentionLimits | undefined

export const RetentionPolicy = Context.Reference<RetentionOf>("@tusk/storage/RetentionPolicy", {
  defaultValue: () => () => undefined
})

interface Settled {
  readonly logStart: bigint
  /** Undefined: not known, or there is none. */
  readonly oldest: bigint | undefined
}

/** Whether its records can become too old: those without a time have no age. */
const ages = ({ highWatermark, logStartOffset, timestampHigh }: MeasuredEnd, retentionMs: number): boolean =>
  retentionMs >= 0 && timestampHigh >= 0n && highWatermark > logStartOffset

const KEEP_ALL: RetentionLimits = { retentionMs: -1, retentionBytes: -1 }

const exceeds = ({ sizeBytes }: MeasuredEnd, { retentionBytes }: RetentionLimits): boolean =>
  retentionBytes >= 0 && sizeBytes > BigInt(retentionBytes)

/** Sizes of batches asked for at a time. */
const SIZES = 1000

const EVERYTHING = (1n << 63n) - 1n

/** A step that took longer is followed by smaller ones. */
const SLOW_STEP_MS = 400
const LEAST_STEP_BYTES = 256 * 1024

/** Deletes in the background, in bounded steps, what nobody can read any more. */
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
      const retentionOf = yield* RetentionPolicy
      const { batchesPerStep, bytesPerStep, checkIntervalMs, intervalMs } = yield* RetentionOptions
      const scope = yield* Effect.scope

      /** Shrinks where a step takes long, so that nobody waits for more than one that did. */
      let stepBytes = bytesPerStep

      /** How many of the oldest batches below an offset one step may delete. */
      const stepOf = Effect.fnUntraced(function* (partitionId: number, below: bigint) {
        let count = 0
        let bytes = 0
        for (const batch of yield* store.sizes(partitionId, 0n, batchesPerStep)) {
          bytes += batch.bytes
          if (batch.lastOffset >= below || (count > 0 && bytes > stepBytes)) break
          count++
        }
        return count
      })

      /** Deletes batches that end below an offset, in steps bounded in number, bytes and time; tells whether there were any. */
      const deleteBatches = Effect.fnUntraced(function* (
        partitionId: number,
        below: bigint,
        unit: (removal: Participant<void>) => Participant<unknown>
      ) {
        let deleted = false
        while (true) {
          const limit = yield* stepOf(partitionId, below)
          if (limit === 0) return deleted
          const [took] = yield* Effect.timed(
            committer.submit(unit(writing([{ _tag: "DeleteBatches", partitionId, below, limit }])), Infinity)
          )
          const tookMs = Duration.toMillis(took)
          if (tookMs > SLOW_STEP_MS) stepBytes = Math.max(LEAST_STEP_BYTES, stepBytes / 2)
          else if (tookMs < SLOW_STEP_MS / 4) stepBytes = Math.min(bytesPerStep, stepBytes * 2)
          deleted = true
        }
      })

      const sweepOrphan = Effect.fnUntraced(function* (partitionId: number) {
        // Nobody asks for its producers again.
        yield* deleteBatches(partitionId, EVERYTHING, (removal) => removal)
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
        const deleted = yield* deleteBatches(partitionId, below, (removal) => log.deleting(partitionId, below, removal))
        if (deleted) yield* log.measure(partitionId)
      })

      /** Oldest batches go as long as `retention.bytes` or more are left. */
      const shrink = Effect.fnUntraced(function* (partitionId: number, end: MeasuredEnd, limits: RetentionLimits) {
        let excess = end.sizeBytes - BigInt(limits.retentionBytes)
        let cut = end.logStartOffset
        let goesOn = true
        while (goesOn) {
          const sizes = yield* store.sizes(partitionId, cut, SIZES)
          goesOn = sizes.length === SIZES
          for (const { bytes, lastOffset } of sizes) {
            excess -= BigInt(bytes)
            goesOn = goesOn && excess >= 0n && lastOffset < end.highWatermark
            if (excess < 0n || lastOffset >= end.highWatermark) break
            cut = lastOffset + 1n
          }
        }
        const [now] = yield* log.measured([partitionId])
        // Somebody deleted records meanwhile: the bytes that were too many may have gone with them.
        if (now === undefined || isKafkaError(now) || now.logStartOffset !== end.logStartOffset) return
        if (cut > end.logStartOffset) yield* log.raiseLogStart(partitionId, cut)
      })

      /** Deletes what lies below the log start, and tells what is left. */
      const settle = Effect.fnUntraced(function* (partitionId: number) {
        const [end] = yield* log.measured([partitionId])
        if (end === undefined || isKafkaError(end)) return undefined
        if (end.sizeBytes === 0n || end.logStartOffset === 0n) return end
        yield* deleteBelow(partitionId, end.logStartOffset)
        const [after] = yield* log.measured([partitionId])
        return after === undefined || isKafkaError(after) ? undefined : after
      })

      const checkPartition = Effect.fnUntraced(function* (
        partitionId: number,
        before: MeasuredEnd,
        limits: RetentionLimits
      ) {
        const oldest = ages(before, limits.retentionMs)
          ? yield* expire(partitionId, limits.retentionMs, before.highWatermark)
          : undefined
        let end = yield* settle(partitionId)
        if (end !== undefined && exceeds(end, limits)) {
          yield* shrink(partitionId, end, limits)
          end = yield* settle(partitionId)
        }
        return end === undefined ? undefined : { logStart: end.logStartOffset, oldest }
      })

      const checkTopic = Effect.fnUntraced(function* (topic: Topic, found: Map<number, Settled>) {
        const limits = retentionOf(topic.name) ?? KEEP_ALL
        const { retentionMs } = limits
        const ends = yield* log.measured(topic.partitionIds)
        const cut = BigInt(yield* Clock.currentTimeMillis) - BigInt(retentionMs)
        for (const [index, partitionId] of topic.partitionIds.entries()) {
          const end = ends[index]!
          if (isKafkaError(end)) continue
          const known = settled.get(partitionId)
          if (known?.logStart === end.logStartOffset && !exceeds(end, limits)) {
            if (!ages(end, retentionMs) || (known.oldest !== undefined && cut <= known.oldest)) {
              found.set(partitionId, known)
              continue
            }
          }
          const now = yield* Effect.catch(checkPartition(partitionId, end, limits), (error) =>
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

      /** A bug ends one look, and not all that would follow. */
      const often = (everyMs: number, look: Effect.Effect<void>) =>
        Effect.catchDefect(look, (defect) => Effect.logError("defect in retention", defect)).pipe(
          (guarded) => Effect.forever(Effect.andThen(Effect.sleep(everyMs), guarded)),
          Effect.forkScoped
        )
      yield* often(intervalMs, sweep)
      yield* often(checkIntervalMs, check)
      const reclaim = (partitionIds: ReadonlyArray<number>) =>
        Effect.forEach(partitionIds, settle, { discard: true }).pipe(
          Effect.catch((error) => Effect.logWarning(`deleting records goes on later: ${error.message}`)),
          Effect.forkIn(scope),
          Effect.asVoid
        )
      return Retention.of({ sweep, check, reclaim })
    })
  )
}
