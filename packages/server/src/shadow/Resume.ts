/** Where forwarding goes on, by what the target holds and what was noted: pure. */
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { MappedOffset, ShadowPartition } from "@tusk/storage/port/ShadowRows"
import type { Position } from "./Plan.ts"
import type { Sender } from "./TargetBatch.ts"
import { sequenceAt } from "./TargetBatch.ts"

/** What a partition of the target holds. */
export interface TargetEnd {
  readonly start: bigint
  readonly end: bigint
  /** The batch before the end; undefined: there is no record. */
  readonly last: Uint8Array | undefined
}

/** What is there when a partition begins or goes on. */
export interface Known {
  readonly row: ShadowPartition | undefined
  readonly target: TargetEnd
  readonly sourceTopicId: string
  readonly targetTopicId: string
  /** Where the source's log starts. */
  readonly sourceStart: bigint
  readonly fills: boolean
  readonly sender: Sender
  /** What is mapped, in order; nothing with fillers. */
  readonly mapped: ReadonlyArray<MappedOffset>
}

export type Resumed =
  | { readonly _tag: "Begin"; readonly position: Position }
  /** Both topics are other ones than before: what is known of them goes. */
  | { readonly _tag: "Anew" }
  | { readonly _tag: "GoOn"; readonly position: Position }
  | { readonly _tag: "Stop"; readonly why: string }

const REMEDY = "delete it there, and it is forwarded anew"

const stop = (why: string): Resumed => ({ _tag: "Stop", why })

const isEmpty = ({ end, start }: TargetEnd): boolean => start === end

export const resumed = (known: Known): Resumed => {
  const { row, target } = known
  if (row === undefined) return begun(known)
  if (row.targetTopicId !== known.targetTopicId) {
    const isNew = target.end === 0n
    return isNew ? { _tag: "Anew" } : stop(`another topic of this name is at the target, and not empty: ${REMEDY}`)
  }
  if (row.sourceTopicId !== known.sourceTopicId) {
    return stop(`the topic was deleted here and made anew, the target has the former one: ${REMEDY}`)
  }
  if (row.fills !== known.fills) {
    return stop(`it was forwarded ${row.fills ? "with" : "without"} filler records: go on so, or ${REMEDY}`)
  }
  return goneOn(row, known)
}

const begun = ({ sourceStart, target }: Known): Resumed => {
  if (!isEmpty(target)) return stop(`the topic is there already, and not empty: ${REMEDY}`)
  const difference = sourceStart - target.end
  return { _tag: "Begin", position: { source: sourceStart, target: target.end, difference } }
}

const goneOn = (row: ShadowPartition, { mapped, sender, target }: Known): Resumed => {
  const { end, last } = target
  if (end < row.targetEnd) {
    return stop(
      `the target ends at ${end}, and has acknowledged all before ${row.targetEnd}: it lost records; ${REMEDY}`
    )
  }
  if (end !== row.targetStart && last !== undefined && !isOurs(last, sender)) {
    return stop(`somebody else writes to the topic at the target, which ends at ${end}: ${REMEDY}`)
  }
  if (end !== row.targetEnd && last === undefined) {
    return stop(`the target is empty up to ${end}, and who wrote that cannot be told: ${REMEDY}`)
  }
  const entry = row.fills ? undefined : mapped.findLast(({ target: at }) => at < end)
  const difference = entry === undefined ? row.difference : entry.source - entry.target
  return { _tag: "GoOn", position: { source: end + difference, target: end, difference } }
}

/** Its sequence number is the offset at which it lies. */
const isOurs = (batch: Uint8Array, { producerId }: Sender): boolean =>
  RecordBatch.producerId(batch) === producerId &&
  RecordBatch.baseSequence(batch) === sequenceAt(RecordBatch.baseOffset(batch))
