import { ConsumerGroupHeartbeat } from "@tusk/protocol/messages/ConsumerGroupHeartbeat"
import { DescribeShareGroupOffsets } from "@tusk/protocol/messages/DescribeShareGroupOffsets"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import { ShareAcknowledge } from "@tusk/protocol/messages/ShareAcknowledge"
import { ShareFetch } from "@tusk/protocol/messages/ShareFetch"
import { ShareGroupHeartbeat } from "@tusk/protocol/messages/ShareGroupHeartbeat"
import { StreamsGroupHeartbeat } from "@tusk/protocol/messages/StreamsGroupHeartbeat"
import type { WireClient } from "../WireClient.ts"
import type { KnownGroup } from "./Facts.ts"

/** Type of a resource. */
const GROUP = 32

const right = (errorCode: number, what: string): void => {
  if (errorCode !== 0) throw new Error(`${what}: error ${errorCode}`)
}

const commit = async (
  client: WireClient,
  groupId: string,
  memberId: string,
  epoch: number,
  committedOffset: bigint
) => {
  const partitions = [{ partitionIndex: 0, committedOffset, committedMetadata: "m" }]
  const request = { groupId, memberId, generationIdOrMemberEpoch: epoch, topics: [{ name: "orders", partitions }] }
  const { topics } = await client.call(OffsetCommit, 9, request)
  right(topics[0]!.partitions[0]!.errorCode, `a commit of ${groupId}`)
}

/** A group of KIP-848 with a member, which has committed offset 3 of partition 0. */
export const consumerGroup = async (client: WireClient): Promise<KnownGroup> => {
  const groupId = "readers"
  const request = { groupId, memberEpoch: 0, rebalanceTimeoutMs: 300_000, topicPartitions: [] }
  const joined = await client.call(ConsumerGroupHeartbeat, 0, { ...request, subscribedTopicNames: ["orders"] })
  right(joined.errorCode, groupId)
  await commit(client, groupId, joined.memberId!, joined.memberEpoch, 3n)
  return { groupId, type: "consumer", members: [joined.memberId!], committed: [3, -1] }
}

/** A group of KIP-932 that has acknowledged the first two records of partition 0. */
export const shareGroup = async (client: WireClient, topicId: string): Promise<KnownGroup> => {
  const groupId = "queue"
  const memberId = "AAAAAAAAAAAAAAAAAAAAAQ"
  const configs = [{ name: "share.auto.offset.reset", configOperation: 0, value: "earliest" }]
  const resources = [{ resourceType: GROUP, resourceName: groupId, configs }]
  right((await client.call(IncrementalAlterConfigs, 1, { resources })).responses[0]!.errorCode, `configs of ${groupId}`)
  let memberEpoch = 0
  for (let assigned = false; !assigned;) {
    const request = { groupId, memberId, memberEpoch, subscribedTopicNames: ["orders"] }
    const joined = await client.call(ShareGroupHeartbeat, 1, request)
    right(joined.errorCode, groupId)
    memberEpoch = joined.memberEpoch
    assigned = joined.assignment?.topicPartitions.some(({ partitions }) => partitions.includes(0)) === true
  }
  const asking = (acknowledgementBatches: ReadonlyArray<object>, shareSessionEpoch: number) => ({
    ...{ groupId, memberId, shareSessionEpoch, maxWaitMs: 2000, minBytes: 1, maxRecords: 2, batchSize: 2 },
    topics: [{ topicId, partitions: [{ partitionIndex: 0, acknowledgementBatches }] }]
  })
  for (let epoch = 0, acquired = 0; acquired === 0; epoch++) {
    const fetched = await client.call(ShareFetch, 1, asking([], epoch))
    right(fetched.errorCode, `a fetch of ${groupId}`)
    const [batch] = fetched.responses[0]?.partitions[0]?.acquiredRecords ?? []
    if (batch === undefined) continue
    acquired = 1
    const done = [{ firstOffset: batch.firstOffset, lastOffset: batch.firstOffset + 1n, acknowledgeTypes: [1] }]
    right((await client.call(ShareAcknowledge, 1, asking(done, epoch + 1))).errorCode, `a word of ${groupId}`)
  }
  return { groupId, type: "share", members: [memberId], committed: [await shareStart(client, groupId)] }
}

/** Where a share group goes on in partition 0 of `orders`. */
export const shareStart = async (client: WireClient, groupId: string): Promise<number> => {
  const topics = [{ topicName: "orders", partitions: [0] }]
  const answer = await client.call(DescribeShareGroupOffsets, 0, { groups: [{ groupId, topics }] })
  return Number(answer.groups[0]!.topics[0]!.partitions[0]!.startOffset)
}

/** A group of KIP-1071 with one subtopology. */
export const streamsGroup = async (client: WireClient): Promise<KnownGroup> => {
  const groupId = "streams"
  const memberId = "AAAAAAAAAAAAAAAAAAAAAg"
  const request = { groupId, memberId, processId: "p", rebalanceTimeoutMs: 300_000, activeTasks: [], standbyTasks: [] }
  const topology = { epoch: 0, subtopologies: [{ subtopologyId: "0", sourceTopics: ["orders"] }] }
  const joined = await client.call(StreamsGroupHeartbeat, 0, { ...request, warmupTasks: [], topology })
  right(joined.errorCode, groupId)
  await commit(client, groupId, memberId, joined.memberEpoch, 2n)
  return { groupId, type: "streams", members: [memberId], committed: [2, -1] }
}
