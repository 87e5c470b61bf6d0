// Serves: ListOffsets in all versions: the ends of partitions and of their tiers (a batch is in one alone), and offsets by time.
// Left out: nothing.

import {
  errorCode,
  InvalidRequest,
  NONE,
  NotLeaderOrFollower,
  TopicAuthorizationFailed,
  UnknownTopicOrPartition,
  UnsupportedVersion
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import type { ListOffsetsRequest, ListOffsetsResponse } from "@tusk/protocol/messages/ListOffsets"
import { isKafkaError, Log } from "@tusk/storage/log/Log"
import type { PartitionEnd } from "@tusk/storage/log/Log"
import { boundOf, offsetOf } from "@tusk/storage/log/partitions/Bound"
import { localStart } from "@tusk/storage/log/partitions/Ends"
import type { Bound } from "@tusk/storage/log/partitions/Bound"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { isEmptyPartition, topicByName } from "../topics/CoordinatorTopics.ts"
import { parted, permits } from "../request/authorizing.ts"
import { handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { namesOf } from "../request/Resources.ts"
import { notLedHere, Placement } from "../request/Placement.ts"
import { TopicSettings } from "../topics/TopicSettings.ts"

type Asked = ListOffsetsRequest["topics"][number]["partitions"][number]
type Answered = ListOffsetsResponse["topics"][number]["partitions"][number]

/** Times that are none: what a client asks for by a negative timestamp, and the version that brought it. */
const LATEST = -1n
const EARLIEST = -2n
const MAX_TIMESTAMP = -3n
const EARLIEST_LOCAL = -4n
const LATEST_TIERED = -5n
const EARLIEST_PENDING_UPLOAD = -6n
const SINCE = new Map<bigint, number>([
  [LATEST, 0],
  [EARLIEST, 0],
  [MAX_TIMESTAMP, 7],
  [EARLIEST_LOCAL, 8],
  [LATEST_TIERED, 9],
  [EARLIEST_PENDING_UPLOAD, 11]
])

interface Found {
  readonly offset: bigint
  readonly timestamp: bigint
  readonly leaderEpoch: number
}

/** The ends of a partition that has never had a record. */
const EMPTY: PartitionEnd = {
  logStartOffset: 0n,
  localStartOffset: 0n,
  highWatermark: 0n,
  lastStableOffset: 0n,
  cumulativeBytes: 0n,
  timestampHigh: -1n,
  epochAt: () => -1
}

const NOTHING: Found = { offset: -1n, timestamp: -1n, leaderEpoch: -1 }

/** What a time that is none stands for; undefined: records are to be looked into. */
const placeOf = (timestamp: bigint, end: PartitionEnd, bound: Bound, isTiered: boolean): Found | undefined => {
  const at = (offset: bigint): Found => ({ offset, timestamp: -1n, leaderEpoch: end.epochAt(offset) })
  switch (timestamp) {
    case LATEST:
      return at(offsetOf(bound, end))
    case EARLIEST:
      return at(end.logStartOffset)
    case EARLIEST_LOCAL:
      return at(isTiered ? localStart(end) : end.logStartOffset)
    case LATEST_TIERED:
      return isTiered ? latestTiered(end) : NOTHING
    // What has not moved is what is in the database. As for a time: a record that may be read, or nothing.
    case EARLIEST_PENDING_UPLOAD:
      return isTiered && localStart(end) < offsetOf(bound, end) ? at(localStart(end)) : NOTHING
    default:
      return undefined
  }
}

/** It may be gone since: then its epoch is not known any more. */
const latestTiered = ({ epochAt, localStartOffset, logStartOffset }: PartitionEnd): Found => {
  const offset = localStartOffset - 1n
  return { offset, timestamp: -1n, leaderEpoch: offset < logStartOffset ? -1 : epochAt(offset) }
}

export const listOffsets = handler({
  api: ListOffsets,
  resources: ({ topics }) => ({ topics: namesOf(topics) }),
  asks: [{ operation: "describe", resourceType: "topic" }],
  reads: true,
  later: () => new NotLeaderOrFollower(),
  make: Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const placement = yield* Placement
    const log = yield* Log
    const topics = yield* Topics
    const settings = yield* TopicSettings

    const search = (
      partitionId: number,
      timestamp: bigint,
      end: PartitionEnd,
      bound: Bound,
      isTiered: boolean
    ): Effect.Effect<Found, KafkaError> => {
      const place = placeOf(timestamp, end, bound, isTiered)
      if (place !== undefined) return Effect.succeed(place)
      if (isEmptyPartition(partitionId)) return Effect.succeed(NOTHING)
      const record =
        timestamp === MAX_TIMESTAMP ? log.findMaxTimestamp(partitionId) : log.findByTimestamp(partitionId, timestamp)
      return Effect.map(record, (found) =>
        found === undefined || found.offset >= offsetOf(bound, end)
          ? NOTHING
          : { ...found, leaderEpoch: end.epochAt(found.offset) }
      )
    }

    const one = Effect.fnUntraced(function* (name: string, asked: Asked, apiVersion: number, bound: Bound) {
      const partitionId = topicByName(topics, name)?.partitionIds[asked.partitionIndex]
      if (partitionId === undefined) return yield* Effect.fail(new UnknownTopicOrPartition())
      const elsewhere = notLedHere(placement, partitionId, asked.currentLeaderEpoch)
      if (elsewhere !== undefined) return yield* Effect.fail(elsewhere)
      if (asked.timestamp < 0n && apiVersion < (SINCE.get(asked.timestamp) ?? 0x7fff)) {
        return yield* Effect.fail(new UnsupportedVersion())
      }
      const [end] = isEmptyPartition(partitionId) ? [EMPTY] : yield* log.ends([partitionId])
      if (end === undefined || isKafkaError(end)) return yield* Effect.fail(end ?? new UnknownTopicOrPartition())
      const found = yield* search(partitionId, asked.timestamp, end, bound, settings.of(name).tiered)
      return apiVersion === 0
        ? answered(asked, NONE, NOTHING, oldStyle(asked, found, end, clock.currentTimeMillisUnsafe()))
        : // The leader epoch came with version 4.
          answered(asked, NONE, apiVersion >= 4 ? found : { ...found, leaderEpoch: -1 }, [])
    })

    return Effect.fnUntraced(function* (request: ListOffsetsRequest, context: RequestContext) {
      const { apiVersion } = context
      const { allowed, refused } = parted(request.topics, permits(context, "describe", "topic"), ({ name }) => name)
      // Those not in memory are asked for together.
      yield* log.ends(
        allowed.flatMap(({ name, partitions }) => {
          const ids = topics.byName(name)?.partitionIds ?? []
          return partitions.flatMap(({ partitionIndex }) => ids[partitionIndex] ?? [])
        })
      )
      const answers: Array<ListOffsetsResponse["topics"][number]> = []
      for (const [name, partitions] of byTopic(allowed)) {
        const results: Array<Answered> = []
        for (const [asked, isTwice] of partitions.values()) {
          const found: Effect.Effect<Answered, KafkaError> = isTwice
            ? Effect.fail(new InvalidRequest())
            : one(name, asked, apiVersion, boundOf(isolationOf(request)))
          results.push(
            yield* Effect.catch(found, (error) => Effect.succeed(answered(asked, errorCode(error), NOTHING, [])))
          )
        }
        answers.push({ name, partitions: results })
      }
      answers.push(...refusedTopics(refused, TopicAuthorizationFailed.info.code))
      return { topics: answers }
    })
  }),
  refuse: ({ topics }, code) => ({ topics: refusedTopics(topics, code) })
})

const refusedTopics = (topics: ListOffsetsRequest["topics"], code: number): ListOffsetsResponse["topics"] =>
  topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((asked) => answered(asked, code, NOTHING, []))
  }))

const READ_COMMITTED = 1

const isolationOf = ({ isolationLevel }: ListOffsetsRequest) =>
  isolationLevel === READ_COMMITTED ? "read_committed" : "read_uncommitted"

/** Each partition once, however often it is named, and whether that is more than once. */
const byTopic = (topics: ListOffsetsRequest["topics"]): Map<string, Map<number, readonly [Asked, boolean]>> => {
  const found = new Map<string, Map<number, readonly [Asked, boolean]>>()
  for (const { name, partitions } of topics) {
    const of = found.get(name) ?? new Map<number, readonly [Asked, boolean]>()
    found.set(name, of)
    for (const asked of partitions) of.set(asked.partitionIndex, [asked, of.has(asked.partitionIndex)])
  }
  return found
}

const answered = (asked: Asked, code: number, found: Found, oldStyleOffsets: ReadonlyArray<bigint>): Answered => ({
  partitionIndex: asked.partitionIndex,
  errorCode: code,
  oldStyleOffsets,
  ...found
})

/**
 * Version 0 answers with a list, newest first: offsets before a time, up to the start. The end is one as well, of the times
 * up to now, if no record is of a later one, and of every time if there is no record at all.
 */
const oldStyle = (asked: Asked, found: Found, end: PartitionEnd, nowMs: number): ReadonlyArray<bigint> => {
  const { highWatermark, logStartOffset } = end
  const offsets: Array<bigint> = []
  if (asked.timestamp >= 0n) {
    const isAll = found.offset < 0n
    const isEnd = isAll && (asked.timestamp >= BigInt(nowMs) || highWatermark === logStartOffset)
    const last = isEnd ? highWatermark : (isAll ? highWatermark : found.offset) - 1n
    if (last >= logStartOffset) offsets.push(last)
    if (last > logStartOffset) offsets.push(logStartOffset)
  } else {
    if (found.offset >= 0n) offsets.push(found.offset)
    if (asked.timestamp === LATEST && logStartOffset !== highWatermark) offsets.push(logStartOffset)
  }
  return offsets.slice(0, Math.max(0, asked.maxNumOffsets))
}
