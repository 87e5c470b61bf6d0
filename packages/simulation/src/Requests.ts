/** Requests as the model clients send them: in the newest versions that name topics instead of ids. */
import type { FetchRequest } from "@tusk/protocol/messages/Fetch"
import type { ProduceRequest } from "@tusk/protocol/messages/Produce"
import type { OffsetCommitRequest } from "@tusk/protocol/messages/OffsetCommit"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { JoinGroup } from "@tusk/protocol/messages/JoinGroup"
import type { JoinGroupRequest } from "@tusk/protocol/messages/JoinGroup"
import type { Client } from "./Client.ts"
import type { History } from "./History.ts"
import * as Effect from "effect/Effect"

export const TOPIC = "t"
export const PARTITIONS = 4

export const produceRequest = (
  partitions: ReadonlyArray<{ readonly index: number; readonly records: Uint8Array }>,
  topic = TOPIC
): ProduceRequest => ({
  transactionalId: null,
  acks: -1,
  timeoutMs: 30_000,
  topicData: [{ name: topic, topicId: ZERO_UUID, partitionData: partitions }]
})

export const fetchRequest = (
  partitions: ReadonlyMap<number, number>,
  maxWaitMs: number,
  topic = TOPIC,
  maxBytes = 1 << 20
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
        currentLeaderEpoch: -1,
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

/** Fetches once, tells the history what was read, and moves the positions on. The answer: errors by partition. */
export const fetchOnce = (client: Client, history: History, positions: Map<number, number>, maxWaitMs: number) =>
  Effect.map(client.call(Fetch, 12, fetchRequest(positions, maxWaitMs)), (answer) => {
    const errors = new Map<number, number>()
    for (const { partitions } of answer.responses) {
      for (const { errorCode, highWatermark, partitionIndex, records } of partitions) {
        if (errorCode !== 0) {
          errors.set(partitionIndex, errorCode)
          continue
        }
        history.highWatermark(`${client.name}.${client.epoch}`, partitionIndex, Number(highWatermark))
        let next = positions.get(partitionIndex)!
        for (const [offset, value] of recordsOf(records ?? [])) {
          if (offset < next) continue
          if (offset > next) history.skipped(client.name, partitionIndex, next, offset)
          history.read(client.name, partitionIndex, offset, value)
          next = offset + 1
        }
        positions.set(partitionIndex, next)
      }
    }
    return errors
  })

const recordsOf = (chunks: ReadonlyArray<Uint8Array>): Array<readonly [number, string]> => {
  const found: Array<readonly [number, string]> = []
  const batches = RecordBatch.splitBatches(Buffer.concat(chunks))
  if ("_tag" in batches) throw batches
  for (const batch of batches) {
    const records = RecordBatch.decodeRecords(batch, { maxDecompressedBytes: 1 << 24 })
    if ("_tag" in records) throw records
    for (const { offset, value } of records) found.push([Number(offset), Buffer.from(value ?? []).toString()])
  }
  return found
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

/** By partition, where there is no error. */
export const endOffsets = (client: Client, topic = TOPIC, partitions = PARTITIONS) =>
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
        if (errorCode === 0) ends.set(partitionIndex, Number(offset))
      }
      return ends
    }
  )
