import { isKafkaError as isError, NotLeaderOrFollower } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Active } from "../../commit/Active.ts"
import { Committer } from "../../commit/Committer.ts"
import { writing } from "../../commit/Participant.ts"
import type { Participant } from "../../commit/Participant.ts"
import { compactionDefaults } from "../../defaults.ts"
import { Store } from "../../port/Store.ts"
import type { Replacement, StoredCompaction, Unit } from "../../port/Store.ts"
import { Topics } from "../../topics/Topics.ts"
import type { Topic } from "../../topics/Topics.ts"
import { countCleanable, isDue, mayBeDue } from "./CompactionPlan.ts"
import type { Cleanable, CompactedLog, CompactionPolicy } from "./CompactionPlan.ts"
import { BatchCodec } from "../batches/BatchCodec.ts"
import { KeyOffsets } from "./KeyOffsets.ts"
import { isKafkaError, Log } from "../Log.ts"
import type { MeasuredEnd } from "../Log.ts"
import { OpenBatches } from "../batches/OpenBatches.ts"

export interface CompactionOptions {
  /** Whether topics are looked at by themselves, as `log.cleaner.enable`. */
  readonly enabled: boolean
  /** Between two looks, as `log.cleaner.backoff.ms`. */
  readonly backoffMs: number
  /** Memory for the keys of one pass, as `log.cleaner.dedupe.buffer.size`; what does not fit waits for the next. */
  readonly maxKeyBytes: number
  /** Bytes of batches read, and rewritten by one commit, at a time; one batch may be larger. */
  readonly stepBytes: number
}

export const CompactionOptions = Context.Reference<CompactionOptions>("@tusk/storage/CompactionOptions", {
  defaultValue: () => compactionDefaults
})

/** How a topic is compacted; undefined where its cleanup policy lacks compact. */
export type CompactionOf = (topic: string) => CompactionPolicy | undefined

export const CompactionOf = Context.Reference<CompactionOf>("@tusk/storage/CompactionOf", {
  defaultValue: () => () => undefined
})

/** A partition as it was when it was not due. */
interface Resting {
  readonly policy: CompactionPolicy
  readonly highWatermark: bigint
  readonly logStartOffset: bigint
  /** When time alone may have made it due. */
  readonly until: bigint
}

const MOST_REST_MS = 600_000

/** A tenth of the shortest time that records wait for by this policy: by so much compaction may be late. */
const restMs = ({ maxLagMs, minLagMs, segmentMs }: CompactionPolicy): bigint => {
  const shortest = Math.min(maxLagMs, segmentMs, minLagMs > 0 ? minLagMs : Infinity)
  return BigInt(Math.min(MOST_REST_MS, Math.floor(shortest / 10)))
}

/** The greatest time that a batch can carry: configs may ask for a later one. */
const LATEST = (1n << 63n) - 1n

/** When tombstones that are seen now may go. */
const horizonOf = (nowMs: bigint, { deleteRetentionMs }: CompactionPolicy): bigint => {
  const horizon = nowMs + BigInt(deleteRetentionMs)
  return horizon < LATEST ? horizon : LATEST
}

type Writing = (unit: Unit) => Participant<void>

/** Sizes of batches asked for at a time. */
const PLAN_BATCHES = 1000

/**
 * `cleanup.policy=compact`: of each key the latest record stays. Goes over a partition twice: the new part tells the
 * latest offset of each key, then every batch from the log start on loses its superseded records, a few batches a
 * commit. Offsets stay as they are. A crash between two commits costs the work of that pass: what was taken away is
 * superseded still.
 */
export class Compaction extends Context.Service<
  Compaction,
  {
    /** Compacts every partition where it is due. */
    readonly check: Effect.Effect<void>
  }
>()("@tusk/storage/log/compaction/Compaction") {
  static readonly layer = Layer.effect(
    Compaction,
    Effect.gen(function* () {
      const store = yield* Store
      const active = yield* Active
      const committer = yield* Committer
      const topics = yield* Topics
      const log = yield* Log
      const policyOf = yield* CompactionOf
      const open = yield* OpenBatches
      const codec = yield* BatchCodec
      const { backoffMs, enabled, maxKeyBytes, stepBytes } = yield* CompactionOptions
      /** As stored; of partitions of compacted topics. */
      let states = new Map<number, StoredCompaction | null>()
      /** Partitions that were looked at and not due. */
      const resting = new Map<number, Resting>()
      active.onTakeOver(() =>
        Effect.sync(() => {
          states = new Map()
          resting.clear()
        })
      )

      /** Reads what is not known of these, together. */
      const loadStates = Effect.fnUntraced(function* (partitionIds: ReadonlyArray<number>) {
        const missing = partitionIds.filter((partitionId) => !states.has(partitionId))
        if (missing.length === 0) return
        const into = states
        for (const { compaction, partitionId } of yield* store.loadPartitions(missing)) {
          into.set(partitionId, compaction ?? null)
        }
      })

      const stateOf = Effect.fnUntraced(function* (partitionId: number) {
        yield* loadStates([partitionId])
        return states.get(partitionId) ?? null
      })

      /** From where compaction has not looked yet. */
      const dirtyStart = (end: MeasuredEnd, state: StoredCompaction | null): bigint =>
        state !== null && state.cleanedOffset > end.logStartOffset ? state.cleanedOffset : end.logStartOffset

      const plan = Effect.fnUntraced(function* (
        partitionId: number,
        from: bigint,
        seen: CompactedLog,
        policy: CompactionPolicy,
        nowMs: bigint
      ) {
        let cleanable: Cleanable = { bytes: 0n, end: from, firstTimestamp: -1n }
        while (true) {
          const batches = yield* store.sizes(partitionId, cleanable.end, PLAN_BATCHES)
          const count = countCleanable(batches, seen, policy, nowMs)
          for (const { bytes, lastOffset, maxTimestamp } of batches.slice(0, count)) {
            cleanable = {
              bytes: cleanable.bytes + BigInt(bytes),
              end: lastOffset + 1n,
              firstTimestamp: cleanable.bytes === 0n ? maxTimestamp : cleanable.firstTimestamp
            }
          }
          if (count < PLAN_BATCHES) return cleanable
        }
      })

      /** Batches from `from` on that end below `end`, a step at a time, until `use` says that it is enough. */
      const walk = Effect.fnUntraced(function* (
        partitionId: number,
        from: bigint,
        end: bigint,
        use: (batches: ReadonlyArray<Uint8Array>) => Effect.Effect<boolean, KafkaError>
      ) {
        let at = from
        while (at < end) {
          const [read] = yield* store.read([{ partitionId, from: at, maxBytes: stepBytes }], stepBytes)
          const batches = read!.filter((batch) => RecordBatch.lastOffset(batch) < end)
          if (batches.length === 0) return
          if (!(yield* use(batches))) return
          at = RecordBatch.lastOffset(batches.at(-1)!) + 1n
        }
      })

      /** What was read before a take-over is not written after it: another broker may have been at work since. */
      const writingIn =
        (reign: number | undefined): Writing =>
        (unit) => ({
          ...writing(unit),
          assemble: (writes) => {
            if (reign === undefined || active.reign() !== reign) {
              return new NotLeaderOrFollower({ message: "the cluster was taken over meanwhile" })
            }
            writes.push(...unit)
            return "Stored"
          }
        })

      const unreadable = (partitionId: number, batch: Uint8Array, error: KafkaError) =>
        Effect.logWarning(
          `compaction leaves the batch at ${RecordBatch.baseOffset(batch)} of partition ${partitionId} as it is: ${error._tag}`
        )

      /** The latest offset of each key from `from` on, and up to where the keys fitted. */
      const collect = Effect.fnUntraced(function* (partitionId: number, from: bigint, end: bigint) {
        const keys = new KeyOffsets(maxKeyBytes)
        let reached = from
        yield* walk(partitionId, from, end, (batches) =>
          Effect.gen(function* () {
            for (const batch of batches) {
              reached = RecordBatch.lastOffset(batch) + 1n
              if (RecordBatch.isControl(batch)) continue
              const put = ({ key, offset }: RecordBatch.KeyedRecord): void => {
                if (key !== null) keys.put(key, offset)
              }
              const error = yield* open.look(batch, (records) => RecordBatch.keySteps(batch, records, put))
              if (error !== undefined) yield* unreadable(partitionId, batch, error)
              if (keys.isFull) return false
            }
            return true
          })
        )
        return { keys, end: reached }
      })

      /** Opened, looked over and compressed again beside others, who are served meanwhile. */
      const filtered = (batch: Uint8Array, options: RecordBatch.FilterOptions) =>
        open.use<RecordBatch.Filtered>(
          batch,
          Effect.fnUntraced(function* (records) {
            const sifted = yield* codec.walk(records.byteLength, RecordBatch.filterSteps(batch, records, options))
            if (isError(sifted) || !("remade" in sifted)) return sifted
            const { deleteHorizon, kept, records: left, remade } = sifted
            const compressed = yield* codec.compress({ codec: RecordBatch.compressionCodec(batch) }, left)
            return { batch: remade(compressed), kept, deleteHorizon }
          })
        )

      /** Takes from every batch below `end` what is superseded; tells when the first tombstone left may go. */
      const rewrite = Effect.fnUntraced(function* (
        partitionId: number,
        from: bigint,
        end: bigint,
        keys: KeyOffsets,
        deleteHorizon: bigint,
        nowMs: bigint,
        write: Writing
      ) {
        let firstHorizon = -1n
        yield* walk(partitionId, from, end, (batches) =>
          Effect.gen(function* () {
            const replaced: Array<Replacement> = []
            for (const batch of batches) {
              if (RecordBatch.isControl(batch)) continue
              const horizon = RecordBatch.deleteHorizonOf(batch)
              const tombstonesGo = horizon !== undefined && nowMs >= horizon
              const found = yield* filtered(batch, {
                deleteHorizon,
                keep: ({ isTombstone, key, offset }) =>
                  key !== null && !(isTombstone && tombstonesGo) && !keys.isSuperseded(key, offset)
              })
              if (isError(found)) {
                yield* unreadable(partitionId, batch, found)
                continue
              }
              const left = found.deleteHorizon
              if (left !== undefined && (firstHorizon < 0n || left < firstHorizon)) firstHorizon = left
              if (found.batch !== batch) {
                replaced.push({ baseOffset: RecordBatch.baseOffset(batch), records: found.batch ?? null })
              }
            }
            if (replaced.length > 0) {
              const removal = write([{ _tag: "ReplaceBatches", partitionId, batches: replaced }])
              yield* committer.submit(log.deleting(partitionId, end, removal), Infinity)
              log.replaced(partitionId, replaced)
            }
            return true
          })
        )
        return firstHorizon
      })

      const compact = Effect.fnUntraced(function* (
        partitionId: number,
        end: MeasuredEnd,
        state: StoredCompaction | null,
        cleanableEnd: bigint,
        policy: CompactionPolicy,
        nowMs: bigint
      ) {
        const write = writingIn(active.reign())
        const { end: reached, keys } = yield* collect(partitionId, dirtyStart(end, state), cleanableEnd)
        const horizon = horizonOf(nowMs, policy)
        const deleteHorizon = yield* rewrite(partitionId, end.logStartOffset, reached, keys, horizon, nowMs, write)
        const [last] = yield* store.sizes(partitionId, reached, 1)
        // The batch behind tells what was appended before it: that one is never compacted.
        const cleanedBytes =
          last === undefined ? (state?.cleanedBytes ?? 0n) : last.cumulativeBytes - BigInt(last.bytes)
        const compaction = { cleanedOffset: reached, cleanedBytes, deleteHorizon }
        yield* committer.submit(write([{ _tag: "PutCompaction", partitionId, compaction }]), Infinity)
        states.set(partitionId, compaction)
        yield* log.measure(partitionId)
      })

      const checkPartition = Effect.fnUntraced(function* (partitionId: number, policy: CompactionPolicy) {
        while (true) {
          const nowMs = BigInt(yield* Clock.currentTimeMillis)
          const [end] = yield* log.measured([partitionId])
          if (end === undefined || isKafkaError(end)) return
          const state = yield* stateOf(partitionId)
          const seen = { ...end, compaction: state }
          if (!mayBeDue(seen, policy, nowMs)) return
          const from = dirtyStart(end, state)
          const cleanable = yield* plan(partitionId, from, seen, policy, nowMs)
          if (!isDue(cleanable, seen, policy, nowMs)) {
            const { highWatermark, logStartOffset } = end
            resting.set(partitionId, { policy, highWatermark, logStartOffset, until: nowMs + restMs(policy) })
            return
          }
          yield* compact(partitionId, end, state, cleanable.end, policy, nowMs)
          // Again where the keys did not fit.
          if ((states.get(partitionId)?.cleanedOffset ?? cleanable.end) >= cleanable.end) return
        }
      })

      /** Nothing has changed of a partition that was not due, and no tombstone's time has come. */
      const rests = (partitionId: number, end: MeasuredEnd, policy: CompactionPolicy, nowMs: bigint): boolean => {
        const known = resting.get(partitionId)
        if (known === undefined || known.policy !== policy || nowMs >= known.until) return false
        if (known.highWatermark !== end.highWatermark || known.logStartOffset !== end.logStartOffset) return false
        const horizon = states.get(partitionId)?.deleteHorizon ?? -1n
        return horizon < 0n || nowMs < horizon
      }

      const checkTopic = Effect.fnUntraced(function* ({ name, partitionIds }: Topic) {
        const policy = policyOf(name)
        if (policy === undefined) return
        const nowMs = BigInt(yield* Clock.currentTimeMillis)
        const ends = yield* log.measured(partitionIds)
        const due = partitionIds.filter((partitionId, index) => {
          const end = ends[index]!
          return !isKafkaError(end) && !rests(partitionId, end, policy, nowMs)
        })
        const postponed = (error: { readonly message: string }) =>
          Effect.logWarning(`compaction of ${name} goes on later: ${error.message}`)
        yield* Effect.catch(loadStates(due), postponed)
        for (const partitionId of due) yield* Effect.catch(checkPartition(partitionId, policy), postponed)
      })

      const check = Effect.suspend(() => {
        for (const partitionId of resting.keys()) {
          if (topics.ofPartition(partitionId) === undefined) resting.delete(partitionId)
        }
        return Effect.forEach(topics.all(), checkTopic, { discard: true })
      })

      const guarded = Effect.catchDefect(check, (defect) => Effect.logError("defect in compaction", defect))
      if (enabled) yield* Effect.forever(Effect.andThen(Effect.sleep(backoffMs), guarded)).pipe(Effect.forkScoped)
      return Compaction.of({ check })
    })
  )
}
