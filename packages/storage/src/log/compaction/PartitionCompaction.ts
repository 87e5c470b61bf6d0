import { isKafkaError } from "@tusk/protocol/KafkaError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Committer } from "../../commit/Committer.ts"
import type { Store } from "../../port/Store.ts"
import type { StoredCompaction } from "../../port/Write.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { StorageCounts } from "../../StorageCounts.ts"
import type { Log, MeasuredEnd } from "../Log.ts"
import { AbortedBatches } from "../partitions/AbortedBatches.ts"
import type { Replace, Rewriting } from "../rewriting/Rewriting.ts"
import type { CollectKeys } from "./collectKeys.ts"
import { countCleanable, isDue, mayBeDue } from "./CompactionPlan.ts"
import type { Cleanable, CompactedLog, CompactionPolicy } from "./CompactionPlan.ts"
import type { CompactionStates } from "./CompactionStates.ts"
import type { Resting } from "./Resting.ts"
import type { RewriteBatches } from "./rewriteBatches.ts"

/** The greatest time that a batch can carry: configs may ask for a later one. */
const LATEST = (1n << 63n) - 1n

/** When tombstones that are seen now may go. */
const horizonOf = (nowMs: bigint, { deleteRetentionMs }: CompactionPolicy): bigint => {
  const horizon = nowMs + BigInt(deleteRetentionMs)
  return horizon < LATEST ? horizon : LATEST
}

/** The first offset at which compaction has not looked yet. */
const dirtyStart = ({ logStartOffset }: MeasuredEnd, state: StoredCompaction | null): bigint =>
  state !== null && state.cleanedOffset > logStartOffset ? state.cleanedOffset : logStartOffset

/** Sizes of batches asked for at a time. */
const PLAN_BATCHES = 1000

/** What the compaction of a partition is made with. */
export interface PartitionCompactionPorts {
  readonly store: Pick<Store["Service"], "abortedTransactions" | "sizes">
  readonly committer: Pick<Committer["Service"], "submit">
  readonly log: Log["Service"]
  readonly rewriting: Pick<Rewriting["Service"], "inReign">
  readonly states: CompactionStates
  readonly resting: Resting
  readonly collect: CollectKeys
  readonly rewrite: RewriteBatches
  readonly counts: StorageCounts
}

/** A partition that is due. */
interface Due {
  readonly partitionId: number
  readonly end: MeasuredEnd
  readonly state: StoredCompaction | null
  readonly cleanable: Cleanable
  readonly policy: CompactionPolicy
  readonly nowMs: bigint
}

/** Compacts a partition as often as it is due; one that is not rests. */
export class PartitionCompaction {
  readonly #ports: PartitionCompactionPorts

  constructor(ports: PartitionCompactionPorts) {
    this.#ports = ports
  }

  readonly check = Effect.fnUntraced({ self: this }, function* (partitionId: number, policy: CompactionPolicy) {
    const { log, resting, states } = this.#ports
    while (true) {
      const nowMs = BigInt(yield* Clock.currentTimeMillis)
      const [end] = yield* log.measured([partitionId])
      if (end === undefined || isKafkaError(end)) return
      yield* states.load([partitionId])
      const state = states.of(partitionId)
      const seen = { ...end, compaction: state }
      if (!mayBeDue(seen, policy, nowMs)) return
      const cleanable = yield* this.#plan(partitionId, dirtyStart(end, state), seen, policy, nowMs)
      if (!isDue(cleanable, seen, policy, nowMs)) return resting.begin(partitionId, end, policy, nowMs)
      yield* this.#compact({ partitionId, end, state, cleanable, policy, nowMs })
      // Again if the keys did not fit.
      if ((states.of(partitionId)?.cleanedOffset ?? cleanable.end) >= cleanable.end) return
    }
  })

  /** What may be compacted now, from an offset on. */
  readonly #plan = Effect.fnUntraced(
    { self: this },
    function* (partitionId: number, from: bigint, seen: CompactedLog, policy: CompactionPolicy, nowMs: bigint) {
      let cleanable: Cleanable = { bytes: 0n, end: from, firstTimestamp: -1n }
      while (true) {
        const batches = yield* this.#ports.store.sizes(partitionId, cleanable.end, PLAN_BATCHES)
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
    }
  )

  /** The latest offset of each new key first, then every batch from the log start on. */
  readonly #compact = Effect.fnUntraced({ self: this }, function* (due: Due) {
    const { end, nowMs, partitionId, policy, state } = due
    const { collect, committer, counts, log, rewrite, rewriting, states, store } = this.#ports
    const { replacing, writing } = rewriting.inReign()
    const ended = yield* store.abortedTransactions(partitionId, end.logStartOffset, due.cleanable.end)
    const aborted = new AbortedBatches(ended)
    const collected = yield* collect({ partitionId, from: dirtyStart(end, state), end: due.cleanable.end }, aborted)
    const range = { partitionId, from: end.logStartOffset, end: collected.end }
    const sieve = { keys: collected.keys, aborted, deleteHorizon: horizonOf(nowMs, policy), nowMs }
    const put = replacing(partitionId, range.end, "Compacted")
    const replace: Replace = Effect.fnUntraced(function* (batches) {
      yield* put(batches)
      counts.compactedBatches += batches.length
    })
    const deleteHorizon = yield* rewrite(range, sieve, replace)
    counts.compactions++
    const cleanedBytes = yield* this.#cleanedBytes(partitionId, range.end, state)
    const compaction = { cleanedOffset: range.end, cleanedBytes, deleteHorizon }
    yield* committer.submit(writing([{ _tag: "PutCompaction", partitionId, compaction }]), Infinity)
    states.set(partitionId, compaction)
    yield* log.measure(partitionId)
  })

  /** The batch behind tells what was appended before it: that one is never compacted. */
  #cleanedBytes(
    partitionId: number,
    cleanedOffset: bigint,
    state: StoredCompaction | null
  ): Effect.Effect<bigint, StoreError> {
    return Effect.map(this.#ports.store.sizes(partitionId, cleanedOffset, 1), ([next]) =>
      next === undefined ? (state?.cleanedBytes ?? 0n) : next.cumulativeBytes - BigInt(next.bytes)
    )
  }
}
