/** Groups of each kind with a member, and a transaction: of topic "there". */
import { assert } from "@effect/vitest"
import { AddPartitionsToTxn } from "@tusk/protocol/messages/AddPartitionsToTxn"
import { ConsumerGroupHeartbeat } from "@tusk/protocol/messages/ConsumerGroupHeartbeat"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { ShareFetch } from "@tusk/protocol/messages/ShareFetch"
import { ShareGroupHeartbeat } from "@tusk/protocol/messages/ShareGroupHeartbeat"
import { StreamsGroupHeartbeat } from "@tusk/protocol/messages/StreamsGroupHeartbeat"
import type { WireClient } from "../WireClient.ts"
import { MADE, MADE_MEMBER } from "./beyondSensible.ts"

export const makeGroups = async (client: WireClient, topicId: string): Promise<void> => {
  const done = ({ errorCode }: { readonly errorCode: number }) => assert.strictEqual(errorCode, 0)
  const joins = { memberId: MADE_MEMBER, memberEpoch: 0, rebalanceTimeoutMs: 60_000 }
  const names = { ...joins, subscribedTopicNames: ["there"] }
  done(await client.call(ConsumerGroupHeartbeat, 1, { groupId: `consumer-${MADE}`, ...names, topicPartitions: [] }))
  done(await client.call(ShareGroupHeartbeat, 1, { groupId: `share-${MADE}`, ...names }))
  const session = { groupId: `share-${MADE}`, memberId: MADE_MEMBER, shareSessionEpoch: 0, maxRecords: 1, batchSize: 1 }
  const topics = [{ topicId, partitions: [{ partitionIndex: 0 }] }]
  done(await client.call(ShareFetch, 1, { ...session, maxWaitMs: 0, maxBytes: 1000, topics }))
  const tasks = { activeTasks: [], standbyTasks: [], warmupTasks: [], processId: "p" }
  const topology = { epoch: 0, subtopologies: [{ subtopologyId: "0", sourceTopics: ["there"] }] }
  done(await client.call(StreamsGroupHeartbeat, 0, { groupId: `streams-${MADE}`, ...joins, ...tasks, topology }))
  const begun = await client.call(InitProducerId, 5, { transactionalId: MADE, transactionTimeoutMs: 60_000 })
  done(begun)
  const added = await client.call(AddPartitionsToTxn, 3, {
    v3AndBelowTransactionalId: MADE,
    v3AndBelowProducerId: begun.producerId,
    v3AndBelowProducerEpoch: begun.producerEpoch,
    v3AndBelowTopics: [{ name: "there", partitions: [0] }]
  })
  assert.strictEqual(added.resultsByTopicV3AndBelow[0]!.resultsByPartition[0]!.partitionErrorCode, 0)
}
