/** Requests as the model clients send them: in the newest versions that name topics instead of ids. */
import type { FetchRequest } from "@tusk/protocol/messages/Fetch"
import type { ProduceRequest } from "@tusk/protocol/messages/Produce"
import type { OffsetCommitRequest } from "@tusk/protocol/messages/OffsetCommit"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import { FindCoordinator } from "@tusk/protocol/messages/FindCoordinator"
import { Heartbeat } from "@tusk/protocol/messages/Heartbeat"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { JoinGroup } from "@tusk/protocol/messages/JoinGroup"
import type { JoinGroupRequest } from "@tusk/protocol/messages/JoinGroup"
import type { Chance } from "./Chance.ts"
import { request } from "./Client.ts"
import type { Client, Request } from "./Client.ts"
import type { History } from "./History.ts"
import { TOPIC } from "./topicNames.ts"
import type { Asked, LogHistory } from "./LogHistory.ts"
import * as Effect from "effect/Effect"

export const PARTITIONS = 4

export const produceRequest = (
  partitions: ReadonlyArray<{ readonly index: number; readonly records: Uint8Array }>,
  topic = TOPIC,
  timeoutMs = 30_000
): ProduceRequest => ({
  transactionalId: null,
  acks: -1,
  timeoutMs,
  topicData: [{ name: topic, topicId: ZERO_UUID, partitionData: partitions }]
})

export const fetchRequest = (
  partitions: ReadonlyMap<number, number>,
  maxWaitMs: number,
  {
    leaderEpoch = -1,
    maxBytes = 1 << 20,
    topic = TOPIC
  }: { readonly topic?: string; readonly maxBytes?: number; readonly leaderEpoch?: number } = {}
): FetchRequest => ({
  ...Fetch.request.defaults(),
  maxWaitMs,
  minBytes: 1,
  maxBytes,
  topics: [
    {
      topic,
      topicId: ZERO_UUID,
      partitions: Array.from(partitions, ([partition, offset]) => ({
        partition,
        currentLeaderEpoch: leaderEpoch,
        fetchOffset: BigInt(offset),
        lastFetchedEpoch: -1,
        logStartOffset: -1n,
        partitionMaxBytes: 1 << 20,
        replicaDirectoryId: ZERO_UUID,
        highWatermark: 9223372036854775807n
      }))
    }
  ]
})

export const OFFSET_OUT_OF_RANGE = 1

/** Sees every record and every leap that is read. */
export interface Sink {
  readonly record: (partition: number, offset: number, value: string, leaderEpoch: number) => void
  readonly leap: (partition: number, first: number, last: number, leaderEpoch: number) => void
}

/** Fetches once, tells the history what was read, and moves the positions on. The answer: errors by partition. */
export const fetchOnce = (
  client: Client,
  history: History,
  positions: Map<number, number>,
  maxWaitMs: number,
  {
    leaderEpoch = -1,
    log = history.log,
    sink,
    topic = TOPIC
  }: {
    readonly leaderEpoch?: number
    readonly sink?: Sink
    readonly topic?: string
    readonly log?: LogHistory
  } = {}
) =>
  Effect.map(
    client.call(Fetch, 12, fetchRequest(positions, maxWaitMs, { leaderEpoch, topic }), 3000, maxWaitMs),
    (answer) => {
      const errors = new Map<number, number>()
      const { asked } = client
      for (const { partitions } of answer.responses) {
        for (const { errorCode, highWatermark, partitionIndex, records } of partitions) {
          if (errorCode !== 0) {
            errors.set(partitionIndex, errorCode)
            continue
          }
          log.highWatermark(asked, partitionIndex, Number(highWatermark))
          positions.set(
            partitionIndex,
            take(asked, log, partitionIndex, positions.get(partitionIndex)!, records ?? [], sink)
          )
        }
      }
      return errors
    }
  )

/** What one partition's answer holds from a position on; the answer is the next position. */
export const take = (
  asked: Asked,
  log: LogHistory,
  partition: number,
  position: number,
  chunks: ReadonlyArray<Uint8Array>,
  sink?: Sink
): number => {
  let next = position
  for (const { first, last, leaderEpoch, records } of batchesOf(chunks)) {
    if (records.length === 0 && last >= next) {
      if (first > next) log.skipped(asked, partition, next, first)
      log.leaps(asked, partition, first, last)
      sink?.leap(partition, first, last, leaderEpoch)
      next = last + 1
    }
    for (const [offset, value] of records) {
      if (offset < next) continue
      if (offset > next) log.skipped(asked, partition, next, offset)
      log.read(asked, partition, offset, value)
      sink?.record(partition, offset, value, leaderEpoch)
      next = offset + 1
    }
    // The last ones of a batch may have been erased.
    if (records.length > 0 && last >= next) {
      log.skipped(asked, partition, next, last + 1)
      next = last + 1
    }
  }
  return next
}

const batchesOf = (chunks: ReadonlyArray<Uint8Array>) => {
  const batches = RecordBatch.splitBatches(Buffer.concat(chunks))
  if ("_tag" in batches) throw batches
  return batches.map((batch) => {
    const records = RecordBatch.decodeRecords(batch, { maxDecompressedBytes: 1 << 24 })
    if ("_tag" in records) throw records
    return {
      first: Number(RecordBatch.baseOffset(batch)),
      last: Number(RecordBatch.lastOffset(batch)),
      leaderEpoch: RecordBatch.partitionLeaderEpoch(batch),
      records: records.map(({ offset, value }) => [Number(offset), Buffer.from(value ?? []).toString()] as const)
    }
  })
}

/** A subscription as the consumer protocol writes it, version 0. */
const subscription = (): Uint8Array => {
  const bytes = Buffer.alloc(2 + 4 + 2 + TOPIC.length + 4)
  bytes.writeInt32BE(1, 2)
  bytes.writeInt16BE(TOPIC.length, 6)
  bytes.write(TOPIC, 8)
  bytes.writeInt32BE(-1, 8 + TOPIC.length)
  return bytes
}

export const joinRequest = (
  groupId: string,
  memberId: string,
  groupInstanceId: string | null,
  sessionTimeoutMs: number,
  rebalanceTimeoutMs: number
): JoinGroupRequest => ({
  ...JoinGroup.request.defaults(),
  groupId,
  memberId,
  groupInstanceId,
  sessionTimeoutMs,
  rebalanceTimeoutMs,
  protocolType: "consumer",
  protocols: [{ name: "range", metadata: subscription() }]
})

export const commitRequest = (
  groupId: string,
  member: { readonly memberId: string; readonly generationId: number; readonly groupInstanceId: string | null },
  offsets: ReadonlyArray<readonly [partition: number, offset: number, id: string]>
): OffsetCommitRequest => ({
  groupId,
  generationIdOrMemberEpoch: member.generationId,
  memberId: member.memberId,
  groupInstanceId: member.groupInstanceId,
  retentionTimeMs: -1n,
  topics: [
    {
      name: TOPIC,
      topicId: ZERO_UUID,
      partitions: offsets.map(([partitionIndex, offset, committedMetadata]) => ({
        partitionIndex,
        committedOffset: BigInt(offset),
        committedLeaderEpoch: -1,
        commitTimestamp: -1n,
        committedMetadata
      }))
    }
  ]
})

/** By partition, if there is no error. */
export const endOffsets = (client: Client, topic = TOPIC, partitions = PARTITIONS, log?: LogHistory) =>
  Effect.map(
    client.call(ListOffsets, 4, {
      ...ListOffsets.request.defaults(),
      replicaId: -1,
      topics: [
        {
          name: topic,
          partitions: Array.from({ length: partitions }, (_, partitionIndex) => ({
            partitionIndex,
            currentLeaderEpoch: -1,
            timestamp: -1n,
            maxNumOffsets: 1
          }))
        }
      ]
    }),
    (answer) => {
      const ends = new Map<number, number>()
      for (const { errorCode, offset, partitionIndex } of answer.topics[0]!.partitions) {
        if (errorCode !== 0) continue
        ends.set(partitionIndex, Number(offset))
        log?.highWatermark(client.asked, partitionIndex, Number(offset))
      }
      return ends
    }
  )

/** What a client asks for between two other requests, whatever comes of it. */
export const bystander = (chance: Chance): Request => {
  switch (chance.below(4)) {
    case 0:
      return request(ApiVersions, 0, ApiVersions.request.defaults())
    case 1:
      return request(FindCoordinator, 3, { ...FindCoordinator.request.defaults(), key: "g1", keyType: 0 })
    case 2:
      return request(Heartbeat, 3, {
        ...Heartbeat.request.defaults(),
        groupId: "g1",
        generationId: 1,
        memberId: "nobody"
      })
    default:
      return request(Metadata, 7, { ...Metadata.request.defaults(), topics: [{ topicId: ZERO_UUID, name: TOPIC }] })
  }
}
