/** Where partitions are, and whether what the target has is what the source has: before an import begins, and after a doubt. */
import { EARLIEST, LATEST, listOffsets } from "@tusk/client/admin/Offsets"
import { Refused } from "@tusk/client/ClientError"
import type { ClientError } from "@tusk/client/ClientError"
import type { KafkaClient } from "@tusk/client/KafkaClient"
import { leaderOf } from "@tusk/client/leaders"
import type { TopicPartition } from "@tusk/client/Metadata"
import * as Batch from "@tusk/protocol/record/RecordBatch"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { firstDifference } from "./agreement.ts"
import { fetchedBatches } from "./fetchedBatches.ts"
import type { Halted } from "./Halted.ts"
import { halt } from "./ImportedPartition.ts"
import type { ImportedPartition, ImportedTopic } from "./ImportedPartition.ts"
import { fetchOnce, refusedFetch } from "./reading.ts"
import type { Answered, Asking } from "./reading.ts"
import { at } from "./Sides.ts"
import type { Sides } from "./Sides.ts"

/** What does not fit now, and may a little later. */
export class Unsettled extends Data.TaggedError("Unsettled")<{ readonly message: string }> {}

export type Trouble = ClientError | Unsettled

/** A broker that has just become the leader may not know yet how far its log is. */
const AHEAD_MS = 15_000
const STEP_BYTES = 1024 * 1024

const asking = (topic: ImportedTopic, committed: boolean): Asking => ({
  committed,
  maxWaitMs: 0,
  maxBytes: STEP_BYTES,
  partitionMaxBytes: STEP_BYTES,
  topicIds: new Map(committed && topic.topicId !== null ? [[topic.name, topic.topicId]] : [])
})

const offsetsAt = (client: KafkaClient["Service"], places: ReadonlyArray<TopicPartition>, time: bigint) =>
  Effect.gen(function* () {
    const offsets: Array<bigint> = []
    for (const { result } of yield* at(client, listOffsets(places, time))) {
      if (result instanceof Refused) return yield* result
      offsets.push(result.offset)
    }
    return offsets
  })

/** One look at a partition by its leader; undefined: that place is out of its log. */
const look = (client: KafkaClient["Service"], { topic, partition }: TopicPartition, offset: bigint, how: Asking) =>
  Effect.gen(function* () {
    const leader = leaderOf(yield* client.metadata([topic]), { topic, partition })
    if (leader instanceof Refused) return yield* leader
    const connection = yield* client.broker(leader)
    const [answered] = yield* fetchOnce(connection, [{ topic, partition, offset, epoch: -1 }], how)
    const refusal = answered === undefined ? undefined : refusedFetch(answered)
    return refusal === undefined ? answered : yield* refusal
  })

const batchesIn = (answered: Answered | undefined): ReadonlyArray<Uint8Array> => {
  const batches = Batch.splitBatches(Buffer.concat(answered?.data.records ?? []), { partialTail: "drop" })
  return Array.isArray(batches) ? batches : []
}

/** What comes of record data, if that is some. */
const legible = <A>(topic: ImportedTopic, { partition }: TopicPartition, read: () => A): Effect.Effect<A, Halted> =>
  Effect.try({
    try: read,
    catch: (error) => halt(topic.name, `partition ${partition}: ${(error as Error).message}`)
  })

/** What the source has, from an offset on, up to another. */
const sourceBatches = (source: KafkaClient["Service"], topic: ImportedTopic, part: ImportedPartition, from: bigint) =>
  Effect.gen(function* () {
    const found: Array<Uint8Array> = []
    for (let next = from; next < part.targetEnd;) {
      const answered = yield* look(source, part, next, asking(topic, true))
      const read =
        answered === undefined ? undefined : yield* legible(topic, part, () => fetchedBatches(answered.data, next, 0n))
      if (read === undefined || read.next === next) {
        return yield* new Unsettled({ message: `${part.topic}-${part.partition} cannot be read at ${next} now` })
      }
      found.push(...read.batches)
      next = read.next
    }
    return found
  })

/** Compares the newest batch of the target with the source. */
const agree = (sides: Sides, topic: ImportedTopic, part: ImportedPartition) =>
  Effect.gen(function* () {
    const { sourceStart, targetEnd } = part
    const there = batchesIn(yield* look(sides.target, part, targetEnd - 1n, asking(topic, false)))
    // Behind it may lie what another importer has brought meanwhile.
    const last = there.find((batch) => Batch.lastOffset(batch) === targetEnd - 1n)
    if (last === undefined) return
    const base = Batch.baseOffset(last)
    const source = yield* sourceBatches(sides.source, topic, part, base > sourceStart ? base : sourceStart)
    const difference = yield* legible(topic, part, () => firstDifference(last, source, sourceStart, topic.compacted))
    if (difference === undefined) return
    const where = `partition ${part.partition} differs at offset ${difference}`
    return yield* halt(topic.name, `${where}: was the source's log truncated, or written here by somebody else?`)
  })

/** Whether it ends before the target does, for longer than a new leader needs. */
const isAhead = (topic: ImportedTopic, part: ImportedPartition, since: Map<ImportedPartition, number>) =>
  Effect.gen(function* () {
    const { partition, sourceEnd, targetEnd } = part
    if (targetEnd <= sourceEnd) {
      since.delete(part)
      return false
    }
    const now = yield* Clock.currentTimeMillis
    const first = since.get(part) ?? now
    since.set(part, first)
    const message = `partition ${partition} ends at ${sourceEnd}, what is imported at ${targetEnd}`
    if (now - first < AHEAD_MS) return yield* new Unsettled({ message: `${topic.name}: at the source ${message}` })
    topic.halted = halt(topic.name, `at the source ${message}: was its log truncated?`)
    return true
  })

const AT_A_TIME = 8

/**
 * Looks where these partitions begin and end at both sides, and that the target's end is the source's; they are read on
 * from there. Topics whose logs do not fit together are halted. `ahead`: since when ends do not fit.
 */
export const settle = (
  sides: Sides,
  topics: ReadonlyMap<string, ImportedTopic>,
  parts: ReadonlyArray<ImportedPartition>,
  ahead: Map<ImportedPartition, number>
): Effect.Effect<void, Trouble> =>
  Effect.gen(function* () {
    const [targetStarts, targetEnds, sourceStarts, sourceEnds] = yield* Effect.all(
      [
        offsetsAt(sides.target, parts, EARLIEST),
        offsetsAt(sides.target, parts, LATEST),
        offsetsAt(sides.source, parts, EARLIEST),
        offsetsAt(sides.source, parts, LATEST)
      ],
      { concurrency: 1 }
    )
    const one = Effect.fnUntraced(function* (part: ImportedPartition, i: number) {
      const topic = topics.get(part.topic)!
      if (topic.halted !== undefined) return
      part.targetStart = targetStarts[i]!
      part.targetEnd = targetEnds[i]!
      part.sourceStart = sourceStarts[i]!
      part.sourceEnd = sourceEnds[i]!
      part.sourceStable = -1n
      part.epoch = -1
      if (yield* isAhead(topic, part, ahead)) return
      const { sourceStart, targetEnd, targetStart } = part
      if (targetEnd > sourceStart && targetEnd > targetStart) {
        yield* Effect.catchTag(agree(sides, topic, part), "Halted", (halted) =>
          Effect.sync(() => void (topic.halted = halted))
        )
      }
      part.position = targetEnd > sourceStart ? targetEnd : sourceStart
    })
    yield* Effect.forEach(parts, one, { concurrency: AT_A_TIME, discard: true })
  })
