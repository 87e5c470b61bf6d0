/** More of what clients ask: all of something, topics by id, and what asks for other rights than usual. */
import { IMPORTED_SINCE, taggedImportedTo } from "@tusk/protocol/embedded/ImportedTo"
import { encodeBatch } from "@tusk/protocol/record/RecordBatch"
import { SENSIBLE } from "../handlers/sensible.ts"
import type { World } from "../handlers/sensible.ts"

type Ask = (world: World, version: number) => object

const everything = { topics: null, includeTopicAuthorizedOperations: true, includeClusterAuthorizedOperations: true }

const ofTransaction = () =>
  encodeBatch([{ value: Buffer.from("a") }], {
    producerId: 7n,
    producerEpoch: 0,
    baseSequence: 0,
    isTransactional: true
  })

/** Of groups of each kind, their member and a transaction, if they are made before (`makeGroups`). */
export const MADE = "made"
export const MADE_MEMBER = "m".repeat(22)
const THERE = [{ topicName: "there", partitions: [{ partitionIndex: 0, startOffset: 0n }] }]

const MORE: Readonly<Record<string, ReadonlyArray<Ask>>> = {
  Produce: [
    ({ topicId }) => ({
      acks: -1,
      timeoutMs: 1000,
      transactionalId: "t",
      topicData: [{ name: "written", topicId, partitionData: [{ index: 0, records: ofTransaction() }] }]
    }),
    ({ topicId }, version) => {
      const mark = version >= IMPORTED_SINCE ? taggedImportedTo(0n) : {}
      const partitionData = [{ index: 0, records: encodeBatch([{ value: null }]), ...mark }]
      return { acks: -1, timeoutMs: 1000, topicData: [{ name: "written", topicId, partitionData }] }
    }
  ],
  Fetch: [
    ({ topicId }, version) => ({
      maxWaitMs: 0,
      minBytes: 1,
      maxBytes: 1 << 20,
      sessionEpoch: -1,
      ...(version >= 15 ? { replicaState: { replicaId: 7, replicaEpoch: 1n } } : { replicaId: 7 }),
      topics: [{ topic: "there", topicId, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 << 20 }] }]
    })
  ],
  Metadata: [
    (_, version) => (version === 0 ? { topics: [] } : everything),
    ({ topicId }, version) => ({ topics: [version >= 12 ? { name: null, topicId } : { name: "there" }] }),
    ({ fresh }) => ({ topics: [{ name: `made-${fresh}` }], allowAutoTopicCreation: true })
  ],
  FindCoordinator: [
    (_, version) => (version >= 4 ? { keyType: 1, coordinatorKeys: ["t"] } : { keyType: 1, key: "t" }),
    (_, version) => ({ keyType: 2, ...(version >= 4 ? { coordinatorKeys: ["kept:AAAA:0"] } : { key: "kept" }) })
  ],
  InitProducerId: [() => ({ transactionalId: "t", transactionTimeoutMs: 1000 })],
  DescribeTransactions: [() => ({ transactionalIds: [MADE] })],
  ListTransactions: [() => ({})],
  ConsumerGroupDescribe: [() => ({ groupIds: [`consumer-${MADE}`] })],
  ShareGroupDescribe: [() => ({ groupIds: [`share-${MADE}`] })],
  StreamsGroupDescribe: [() => ({ groupIds: [`streams-${MADE}`] })],
  StreamsGroupHeartbeat: [
    ({ fresh }) => ({
      groupId: `of-${fresh}`,
      memberId: "n",
      rebalanceTimeoutMs: 1000,
      processId: "p",
      topology: {
        epoch: 0,
        subtopologies: [
          { subtopologyId: "0", sourceTopics: ["there"], stateChangelogTopics: [{ name: `${fresh}-changelog` }] }
        ]
      },
      activeTasks: [],
      standbyTasks: [],
      warmupTasks: []
    })
  ],
  DescribeShareGroupOffsets: [
    () => ({ groups: [{ groupId: `share-${MADE}`, topics: [{ topicName: "there", partitions: [0] }] }] })
  ],
  AlterShareGroupOffsets: [({ fresh }) => ({ groupId: `of-${fresh}`, topics: THERE })],
  DeleteShareGroupOffsets: [({ fresh }) => ({ groupId: `of-${fresh}`, topics: THERE })],
  ShareAcknowledge: [
    ({ topicId }) => ({
      groupId: `share-${MADE}`,
      memberId: MADE_MEMBER,
      shareSessionEpoch: 1,
      topics: [{ topicId, partitions: [{ partitionIndex: 0, acknowledgementBatches: [] }] }]
    })
  ],
  DescribeTopicPartitions: [() => ({ topics: [], responsePartitionLimit: 10 })],
  DescribeLogDirs: [() => ({ topics: null })],
  DescribeConfigs: [
    () => ({
      resources: [
        [4, "1"],
        [4, ""],
        [8, "1"],
        [16, "m"],
        [32, "kept"]
      ].map(([resourceType, resourceName]) => ({ resourceType, resourceName, configurationKeys: null }))
    })
  ],
  AlterConfigs: [
    () => ({
      resources: [
        { resourceType: 32, resourceName: "kept", configs: [] },
        { resourceType: 16, resourceName: "m", configs: [] }
      ],
      validateOnly: true
    })
  ],
  IncrementalAlterConfigs: [
    () => ({
      resources: [
        { resourceType: 32, resourceName: "kept", configs: [] },
        { resourceType: 8, resourceName: "1", configs: [] }
      ],
      validateOnly: true
    })
  ],
  ListGroups: [() => ({})],
  OffsetFetch: [
    (_, version) => {
      const topics = version >= 2 ? null : []
      return { groupId: "kept", topics, groups: [{ groupId: "kept", topics }] }
    }
  ],
  ListConfigResources: [() => ({ resourceTypes: [] })],
  ListPartitionReassignments: [() => ({ topics: null })],
  ElectLeaders: [() => ({ electionType: 0, topicPartitions: null })],
  DeleteTopics: [
    ({ topicId }, version) => (version >= 6 ? { topics: [{ name: null, topicId }] } : { topicNames: ["there"] })
  ]
}

/** All that this API is asked here, in one version. */
export const questions = (api: string): ReadonlyArray<Ask> => [SENSIBLE[api]!.request, ...(MORE[api] ?? [])]
