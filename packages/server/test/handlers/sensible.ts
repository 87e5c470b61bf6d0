/** Of every API a request that says something. */
import { assert } from "@effect/vitest"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { handlers } from "../../src/handlers/index.ts"
import { batchOf, valuesOf } from "../Batches.ts"

export interface World {
  readonly topicId: string
  /** A name not used yet, for this API and version. */
  readonly fresh: string
}

export interface Sensible {
  readonly request: (world: World, version: number) => object
  readonly sane: (answer: any, version: number, world: World) => void
}

const none = (answer: any) => assert.strictEqual(answer.errorCode, 0)
/** In versions without a place for it the decoder answers the default. */
const since = <A>(version: number, from: number, value: A, before: A) => (version >= from ? value : before)
/** A UUID of something that is nowhere. */
const VOTER = "AAECAwQFBgcICQoLDA0ODw"
const bytes = (text: string) => new Uint8Array(Buffer.from(text))

/** Of each API a request that says something, and what has to come of it; topic "there" has one record, "hello". */
export const SENSIBLE: Readonly<Record<string, Sensible>> = {
  Produce: {
    request: ({ topicId }) => ({
      acks: -1,
      timeoutMs: 1000,
      topicData: [{ name: "written", topicId, partitionData: [{ index: 0, records: batchOf(["a", "b"]) }] }]
    }),
    sane: ({ responses }) => {
      const [partition] = responses[0].partitionResponses
      none(partition)
      assert.isTrue(partition.baseOffset >= 0n)
    }
  },
  Fetch: {
    request: ({ topicId }) => ({
      maxWaitMs: 0,
      minBytes: 1,
      maxBytes: 1 << 20,
      isolationLevel: 1,
      sessionEpoch: -1,
      topics: [{ topic: "there", topicId, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 << 20 }] }]
    }),
    sane: (answer, version, { topicId }) => {
      none(answer)
      const [topic] = answer.responses
      assert.strictEqual(topic.topic, since(version, 13, "", "there"))
      assert.strictEqual(topic.topicId, since(version, 13, topicId, ZERO_UUID))
      const [partition] = topic.partitions
      none(partition)
      assert.strictEqual(partition.highWatermark, 1n)
      assert.strictEqual(partition.lastStableOffset, since(version, 4, 1n, -1n))
      assert.strictEqual(partition.logStartOffset, since(version, 5, 0n, -1n))
      if (version >= 4) assert.deepStrictEqual(valuesOf(partition.records), ["hello"])
      else assert.include(Buffer.concat(partition.records).toString("latin1"), "hello")
    }
  },
  ListOffsets: {
    request: () => ({
      replicaId: -1,
      topics: [{ name: "there", partitions: [{ partitionIndex: 0, timestamp: -1n }] }]
    }),
    sane: ({ topics }, version) => {
      const [partition] = topics[0].partitions
      none(partition)
      if (version === 0) assert.deepStrictEqual(partition.oldStyleOffsets, [1n])
      else assert.strictEqual(partition.offset, 1n)
    }
  },
  Metadata: {
    request: ({ topicId }, version) => ({
      topics: [version >= 12 ? { name: null, topicId } : { name: "there" }],
      includeTopicAuthorizedOperations: true,
      includeClusterAuthorizedOperations: true
    }),
    sane: (answer, version, { topicId }) => {
      none(answer)
      const [topic] = answer.topics
      none(topic)
      assert.strictEqual(topic.name, "there")
      assert.strictEqual(topic.topicId, since(version, 10, topicId, ZERO_UUID))
      assert.lengthOf(topic.partitions, 1)
      assert.strictEqual(topic.topicAuthorizedOperations > 0, version >= 8)
      assert.strictEqual(answer.clusterAuthorizedOperations > 0, version >= 8 && version <= 10)
      assert.strictEqual(answer.brokers[0].nodeId, topic.partitions[0].leaderId)
    }
  },
  OffsetCommit: {
    request: ({ fresh, topicId }) => ({
      groupId: fresh,
      topics: [
        {
          name: "there",
          topicId,
          partitions: [{ partitionIndex: 0, committedOffset: 1n, committedLeaderEpoch: 0, committedMetadata: "m" }]
        }
      ]
    }),
    sane: ({ topics }) => none(topics[0].partitions[0])
  },
  OffsetFetch: {
    request: ({ topicId }) => ({
      groupId: "kept",
      topics: [{ name: "there", partitionIndexes: [0] }],
      groups: [{ groupId: "kept", topics: [{ name: "there", topicId, partitionIndexes: [0] }] }]
    }),
    sane: (answer, version) => {
      none(answer)
      const [topic] = version >= 8 ? answer.groups[0].topics : answer.topics
      const [partition] = topic.partitions
      none(partition)
      assert.strictEqual(partition.committedOffset, 1n)
      assert.strictEqual(partition.metadata, "m")
    }
  },
  FindCoordinator: {
    request: () => ({ key: "g", coordinatorKeys: ["g", "h"] }),
    sane: (answer, version) => {
      none(answer)
      assert.deepStrictEqual(
        answer.coordinators.map((one: any) => [one.key, one.errorCode]),
        since<any>(
          version,
          4,
          [
            ["g", 0],
            ["h", 0]
          ],
          []
        )
      )
      assert.isAbove(version >= 4 ? answer.coordinators[0].port : answer.port, 0)
    }
  },
  JoinGroup: {
    request: ({ fresh }) => ({
      groupId: fresh,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      protocolType: "consumer",
      protocols: [{ name: "range", metadata: bytes("x") }],
      reason: "because"
    }),
    sane: (answer, version) => {
      assert.isAbove(answer.memberId.length, 0)
      // From version 4 on a new member comes again with the id it was given (KIP-394).
      assert.strictEqual(answer.errorCode, since(version, 4, 79, 0))
      if (version < 4) assert.deepStrictEqual([answer.generationId, answer.leader], [1, answer.memberId])
    }
  },
  SyncGroup: {
    request: ({ fresh }) => ({
      groupId: fresh,
      generationId: 1,
      memberId: "m",
      protocolType: "consumer",
      protocolName: "range"
    }),
    sane: ({ errorCode }) => assert.strictEqual(errorCode, 25)
  },
  Heartbeat: {
    request: ({ fresh }) => ({ groupId: fresh, generationId: 1, memberId: "m" }),
    sane: ({ errorCode }) => assert.strictEqual(errorCode, 25)
  },
  LeaveGroup: {
    request: ({ fresh }) => ({ groupId: fresh, memberId: "m", members: [{ memberId: "m", reason: "because" }] }),
    sane: ({ errorCode, members }, version) => assert.strictEqual(version >= 3 ? members[0].errorCode : errorCode, 25)
  },
  ConsumerGroupHeartbeat: {
    request: ({ fresh }, version) => ({
      groupId: fresh,
      memberId: version >= 1 ? "m" : "",
      rebalanceTimeoutMs: 1000,
      subscribedTopicNames: ["nowhere"],
      topicPartitions: []
    }),
    sane: (answer, version) => {
      none(answer)
      assert.deepStrictEqual([answer.memberEpoch, answer.assignment], [2, { topicPartitions: [] }])
      assert.isTrue(version >= 1 ? answer.memberId === "m" : answer.memberId.length > 10)
    }
  },
  ShareGroupHeartbeat: {
    request: ({ fresh }) => ({ groupId: fresh, memberId: "m", memberEpoch: 0, subscribedTopicNames: ["nowhere"] }),
    sane: (answer) => {
      none(answer)
      assert.deepStrictEqual([answer.memberId, answer.memberEpoch], ["m", 2])
      assert.deepStrictEqual(answer.assignment, { topicPartitions: [] })
    }
  },
  ShareGroupDescribe: {
    request: ({ fresh }) => ({ groupIds: [fresh] }),
    sane: ({ groups }) => assert.strictEqual(groups[0].errorCode, 69)
  },
  ShareFetch: {
    request: ({ fresh, topicId }) => ({
      groupId: fresh,
      memberId: "m",
      shareSessionEpoch: 0,
      maxWaitMs: 0,
      maxRecords: 10,
      topics: [{ topicId, partitions: [{ partitionIndex: 0, acknowledgementBatches: [] }] }]
    }),
    sane: (answer) => {
      none(answer)
      assert.strictEqual(answer.acquisitionLockTimeoutMs, 30_000)
    }
  },
  ShareAcknowledge: {
    request: ({ fresh }) => ({ groupId: fresh, memberId: "m", shareSessionEpoch: 1 }),
    sane: ({ errorCode }) => assert.strictEqual(errorCode, 122)
  },
  DescribeShareGroupOffsets: {
    request: ({ fresh }) => ({ groups: [{ groupId: fresh, topics: null }] }),
    sane: ({ groups }) => assert.deepStrictEqual([groups[0].errorCode, groups[0].topics], [0, []])
  },
  AlterShareGroupOffsets: {
    request: ({ fresh }) => ({ groupId: fresh, topics: [] }),
    sane: none
  },
  DeleteShareGroupOffsets: {
    request: ({ fresh }) => ({ groupId: fresh, topics: [] }),
    sane: ({ errorCode }) => assert.strictEqual(errorCode, 69)
  },
  ConsumerGroupDescribe: {
    request: () => ({ groupIds: ["kept", "nobody"] }),
    sane: ({ groups }) => {
      assert.deepStrictEqual(
        groups.map(({ errorCode, errorMessage }: any) => [errorCode, errorMessage]),
        [
          [69, "Group kept is not a consumer group."],
          [69, "Group nobody not found."]
        ]
      )
    }
  },
  StreamsGroupHeartbeat: {
    request: ({ fresh }) => ({
      groupId: fresh,
      memberId: "m",
      rebalanceTimeoutMs: 1000,
      processId: "p",
      topology: { epoch: 0, subtopologies: [{ subtopologyId: "0", sourceTopics: ["there"] }] },
      activeTasks: [],
      standbyTasks: [],
      warmupTasks: []
    }),
    sane: (answer, version) => {
      none(answer)
      assert.deepStrictEqual([answer.memberId, answer.memberEpoch, version], ["m", 1, 0])
      assert.deepStrictEqual(answer.status, [
        { statusCode: 5, statusDetail: "Assignment delayed due to the configured initial rebalance delay." }
      ])
      assert.deepStrictEqual([answer.activeTasks, answer.standbyTasks, answer.warmupTasks], [[], [], []])
    }
  },
  StreamsGroupDescribe: {
    request: () => ({ groupIds: ["kept", "nobody"] }),
    sane: ({ groups }) => {
      assert.deepStrictEqual(
        groups.map(({ errorCode, errorMessage }: any) => [errorCode, errorMessage]),
        [
          [69, "Group kept is not a streams group."],
          [69, "Group nobody not found."]
        ]
      )
    }
  },
  DescribeGroups: {
    request: () => ({ groups: ["kept"], includeAuthorizedOperations: true }),
    sane: ({ groups }, version) => {
      none(groups[0])
      assert.deepStrictEqual([groups[0].groupId, groups[0].groupState], ["kept", "Empty"])
      assert.strictEqual(groups[0].authorizedOperations > 0, version >= 3)
    }
  },
  ListGroups: {
    request: () => ({ statesFilter: ["Empty"], typesFilter: ["classic"] }),
    sane: (answer, version) => {
      none(answer)
      const kept = answer.groups.find(({ groupId }: any) => groupId === "kept")
      assert.strictEqual(kept?.groupState, since(version, 4, "Empty", ""))
      assert.strictEqual(kept?.groupType.toLowerCase(), since(version, 5, "classic", ""))
    }
  },
  ApiVersions: {
    request: () => ({ clientSoftwareName: "wire", clientSoftwareVersion: "1.0" }),
    sane: (answer) => {
      none(answer)
      assert.lengthOf(answer.apiKeys, handlers.length)
    }
  },
  CreateTopics: {
    request: ({ fresh }) => ({
      topics: [
        { name: fresh, numPartitions: 2, replicationFactor: 1, configs: [{ name: "retention.ms", value: "1000" }] }
      ]
    }),
    sane: ({ topics }, version) => {
      none(topics[0])
      assert.strictEqual(topics[0].numPartitions, since(version, 5, 2, -1))
      assert.strictEqual(topics[0].topicId === ZERO_UUID, version < 7)
      if (version >= 5) {
        const retention = topics[0].configs.find(({ name }: any) => name === "retention.ms")
        assert.deepStrictEqual([retention?.value, retention?.configSource], ["1000", 1])
      }
    }
  },
  DeleteTopics: {
    request: ({ fresh }) => ({ topics: [{ name: fresh }], topicNames: [fresh], timeoutMs: 1000 }),
    sane: ({ responses }, version, { fresh }) => {
      assert.deepStrictEqual([responses[0].name, responses[0].errorCode], [fresh, 3])
      assert.strictEqual(responses[0].topicId, ZERO_UUID)
      assert.isTrue(version >= 0)
    }
  },
  DeleteRecords: {
    request: ({ fresh }) => ({
      topics: [{ name: fresh, partitions: [{ partitionIndex: 0, offset: -1n }] }],
      timeoutMs: 1000
    }),
    sane: ({ topics }, _version, { fresh }) => {
      assert.strictEqual(topics[0].name, fresh)
      assert.deepStrictEqual(topics[0].partitions, [{ partitionIndex: 0, lowWatermark: -1n, errorCode: 3 }])
    }
  },
  InitProducerId: {
    request: () => ({ transactionalId: null, transactionTimeoutMs: 1000 }),
    sane: (answer) => {
      none(answer)
      assert.isTrue(answer.producerId >= 0n)
      assert.strictEqual(answer.producerEpoch, 0)
    }
  },
  OffsetForLeaderEpoch: {
    request: () => ({
      replicaId: -1,
      topics: [{ topic: "there", partitions: [{ partition: 0, leaderEpoch: 1 << 30 }] }]
    }),
    sane: ({ topics }) => none(topics[0].partitions[0])
  },
  DescribeConfigs: {
    request: () => ({
      resources: [{ resourceType: 2, resourceName: "there", configurationKeys: null }],
      includeSynonyms: true,
      includeDocumentation: true
    }),
    sane: ({ results }) => {
      none(results[0])
      assert.isAbove(results[0].configs.length, 10)
    }
  },
  AlterConfigs: {
    request: () => ({
      resources: [{ resourceType: 2, resourceName: "there", configs: [{ name: "retention.ms", value: "86400000" }] }],
      validateOnly: true
    }),
    sane: ({ responses }) => none(responses[0])
  },
  IncrementalAlterConfigs: {
    request: () => ({
      resources: [
        {
          resourceType: 2,
          resourceName: "there",
          configs: [{ name: "retention.ms", configOperation: 0, value: "86400000" }]
        }
      ],
      validateOnly: true
    }),
    sane: ({ responses }) => none(responses[0])
  },
  DescribeLogDirs: {
    request: () => ({ topics: [{ topic: "there", partitions: [0] }] }),
    sane: (answer) => {
      none(answer)
      const [topic] = answer.results[0].topics
      assert.strictEqual(topic.name, "there")
      assert.isTrue(topic.partitions[0].partitionSize > 0n)
    }
  },
  CreatePartitions: {
    request: () => ({ topics: [{ name: "there", count: 3, assignments: null }], validateOnly: true, timeoutMs: 1000 }),
    sane: ({ results }) => none(results[0])
  },
  DeleteGroups: {
    request: ({ fresh }) => ({ groupsNames: [fresh] }),
    sane: ({ results }, _version, { fresh }) =>
      assert.deepStrictEqual([results[0].groupId, results[0].errorCode], [fresh, 69])
  },
  OffsetDelete: {
    request: () => ({ groupId: "kept", topics: [{ name: "missing", partitions: [{ partitionIndex: 0 }] }] }),
    sane: (answer) => {
      none(answer)
      assert.strictEqual(answer.topics[0].partitions[0].errorCode, 3)
    }
  },
  DescribeCluster: {
    request: () => ({ includeClusterAuthorizedOperations: true }),
    sane: (answer) => {
      none(answer)
      assert.strictEqual(answer.brokers[0].brokerId, answer.controllerId)
      assert.isAbove(answer.clusterAuthorizedOperations, 0)
    }
  },
  DescribeTopicPartitions: {
    request: () => ({ topics: [{ name: "there" }], responsePartitionLimit: 10 }),
    sane: ({ nextCursor, topics }) => {
      none(topics[0])
      assert.lengthOf(topics[0].partitions, 1)
      assert.isNull(nextCursor)
    }
  },
  ListConfigResources: {
    request: () => ({ resourceTypes: [2] }),
    sane: (answer, version) => {
      none(answer)
      const names = answer.configResources.map((each: any) => each.resourceName)
      // Version 0 lists client metrics, of which there are none.
      if (version === 0) assert.deepStrictEqual(names, [])
      else assert.include(names, "there")
    }
  },
  DescribeAcls: {
    request: () => ({ resourceTypeFilter: 1, patternTypeFilter: 1, operation: 1, permissionType: 1 }),
    sane: ({ errorCode, errorMessage, resources }) =>
      assert.deepStrictEqual(
        [errorCode, errorMessage, resources],
        [54, "No Authorizer is configured on the broker", []]
      )
  },
  CreateAcls: {
    request: () => ({
      creations: [
        {
          resourceType: 2,
          resourceName: "there",
          resourcePatternType: 3,
          principal: "User:a",
          host: "*",
          operation: 3,
          permissionType: 3
        }
      ]
    }),
    sane: ({ results }) =>
      assert.deepStrictEqual(results, [{ errorCode: 54, errorMessage: "No Authorizer is configured." }])
  },
  DeleteAcls: {
    request: () => ({
      filters: [{ resourceTypeFilter: 1, patternTypeFilter: 3, operation: 1, permissionType: 1 }]
    }),
    sane: ({ filterResults }) =>
      assert.deepStrictEqual(filterResults, [
        { errorCode: 54, errorMessage: "No Authorizer is configured.", matchingAcls: [] }
      ])
  },
  DescribeClientQuotas: {
    request: () => ({ components: [{ entityType: "user", matchType: 2, match: null }], strict: true }),
    sane: (answer) => {
      none(answer)
      assert.deepStrictEqual(answer.entries, [])
    }
  },
  DescribeUserScramCredentials: {
    request: () => ({ users: [{ name: "a" }] }),
    sane: (answer) => {
      none(answer)
      assert.deepStrictEqual([answer.results[0].user, answer.results[0].errorCode], ["a", 91])
    }
  },
  AlterUserScramCredentials: {
    request: () => ({ deletions: [{ name: "a", mechanism: 1 }] }),
    sane: ({ results }) =>
      assert.deepStrictEqual(results, [
        { user: "a", errorCode: 91, errorMessage: "Attempt to delete a user credential that does not exist" }
      ])
  },
  // Tokens are for those who log in.
  CreateDelegationToken: {
    request: () => ({ renewers: [{ principalType: "User", principalName: "a" }], maxLifetimeMs: -1n }),
    sane: ({ errorCode, hmac, tokenId }) => assert.deepStrictEqual([errorCode, hmac.length, tokenId], [64, 0, ""])
  },
  RenewDelegationToken: {
    request: () => ({ hmac: bytes("no such token"), renewPeriodMs: -1n }),
    sane: ({ errorCode, expiryTimestampMs }) => assert.deepStrictEqual([errorCode, expiryTimestampMs], [64, -1n])
  },
  ExpireDelegationToken: {
    request: () => ({ hmac: bytes("no such token"), expiryTimePeriodMs: -1n }),
    sane: ({ errorCode, expiryTimestampMs }) => assert.deepStrictEqual([errorCode, expiryTimestampMs], [64, -1n])
  },
  DescribeDelegationToken: {
    request: () => ({ owners: null }),
    sane: ({ errorCode, tokens }) => assert.deepStrictEqual([errorCode, tokens], [64, []])
  },
  // Nobody logs in where nobody has to.
  SaslHandshake: {
    request: () => ({ mechanism: "PLAIN" }),
    sane: ({ errorCode, mechanisms }) => assert.deepStrictEqual([errorCode, mechanisms], [34, []])
  },
  SaslAuthenticate: {
    request: () => ({ authBytes: bytes("a token") }),
    sane: ({ errorCode }) => assert.strictEqual(errorCode, 34)
  },
  ListPartitionReassignments: {
    request: () => ({ topics: [{ name: "there", partitionIndexes: [0] }] }),
    sane: (answer) => {
      none(answer)
      assert.deepStrictEqual(answer.topics, [])
    }
  },
  AddPartitionsToTxn: {
    request: (_world, version) => {
      const topics = [{ name: "there", partitions: [0] }]
      return version >= 4
        ? { transactions: [{ transactionalId: "nobody", producerId: 1n, producerEpoch: 0, topics }] }
        : {
            v3AndBelowTransactionalId: "nobody",
            v3AndBelowProducerId: 1n,
            v3AndBelowProducerEpoch: 0,
            v3AndBelowTopics: topics
          }
    },
    sane: (answer, version) => {
      const topics = version >= 4 ? answer.resultsByTransaction[0].topicResults : answer.resultsByTopicV3AndBelow
      assert.strictEqual(topics[0].resultsByPartition[0].partitionErrorCode, 49)
    }
  },
  AddOffsetsToTxn: {
    request: ({ fresh }) => ({ transactionalId: "nobody", producerId: 1n, producerEpoch: 0, groupId: fresh }),
    sane: ({ errorCode }) => assert.strictEqual(errorCode, 49)
  },
  EndTxn: {
    request: () => ({ transactionalId: "nobody", producerId: 1n, producerEpoch: 0, committed: true }),
    sane: ({ errorCode }) => assert.strictEqual(errorCode, 49)
  },
  WriteTxnMarkers: {
    request: () => ({
      markers: [
        {
          producerId: 1n,
          producerEpoch: 0,
          transactionResult: false,
          topics: [{ name: "nowhere", partitionIndexes: [0] }],
          coordinatorEpoch: 1
        }
      ]
    }),
    sane: ({ markers }) => assert.strictEqual(markers[0].topics[0].partitions[0].errorCode, 3)
  },
  TxnOffsetCommit: {
    request: ({ fresh }) => ({
      transactionalId: "nobody",
      groupId: fresh,
      producerId: 1n,
      producerEpoch: 0,
      topics: [{ name: "there", partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: null }] }]
    }),
    sane: ({ topics }) => assert.strictEqual(topics[0].partitions[0].errorCode, 49)
  },
  DescribeProducers: {
    request: () => ({ topics: [{ name: "there", partitionIndexes: [0] }] }),
    sane: ({ topics }) => none(topics[0].partitions[0])
  },
  DescribeTransactions: {
    request: () => ({ transactionalIds: ["nobody"] }),
    sane: ({ transactionStates }) => assert.strictEqual(transactionStates[0].errorCode, 105)
  },
  ListTransactions: {
    request: () => ({ stateFilters: ["Ongoing"] }),
    sane: (answer) => {
      none(answer)
      assert.deepStrictEqual([answer.unknownStateFilters, answer.transactionStates], [[], []])
    }
  },
  AlterClientQuotas: {
    request: () => ({
      entries: [
        {
          entity: [{ entityType: "user", entityName: null }],
          ops: [{ key: "consumer_byte_rate", value: 1, remove: true }]
        }
      ]
    }),
    sane: ({ entries }) => none(entries[0])
  },
  AlterPartitionReassignments: {
    request: () => ({ topics: [{ name: "there", partitions: [{ partitionIndex: 0, replicas: [1] }] }] }),
    sane: (answer) => {
      none(answer)
      none(answer.responses[0].partitions[0])
    }
  },
  ElectLeaders: {
    request: () => ({ electionType: 0, topicPartitions: [{ topic: "there", partitions: [0] }] }),
    sane: ({ replicaElectionResults }) => assert.strictEqual(replicaElectionResults[0].partitionResult[0].errorCode, 84)
  },
  AlterReplicaLogDirs: {
    request: () => ({ dirs: [{ path: "/memory", topics: [{ name: "there", partitions: [0] }] }] }),
    sane: ({ results }) => none(results[0].partitions[0])
  },
  DescribeQuorum: {
    request: () => ({ topics: [{ topicName: "__cluster_metadata", partitions: [{ partitionIndex: 0 }] }] }),
    sane: (answer, version) => {
      none(answer)
      const [partition] = answer.topics[0].partitions
      none(partition)
      assert.deepStrictEqual([partition.leaderId, partition.currentVoters[0].replicaId], [1, 1])
      assert.deepStrictEqual(
        answer.nodes.map(({ nodeId }: any) => nodeId),
        since<any>(version, 2, [1], [])
      )
    }
  },
  UpdateFeatures: {
    request: () => ({ featureUpdates: [{ feature: "group.version", maxVersionLevel: 1, upgradeType: 1 }] }),
    sane: (answer, version) => {
      none(answer)
      assert.deepStrictEqual(
        answer.results.map(({ feature }: any) => feature),
        since<any>(version, 2, [], ["group.version"])
      )
    }
  },
  UnregisterBroker: {
    request: () => ({ brokerId: 7 }),
    sane: ({ errorCode, errorMessage }) =>
      assert.deepStrictEqual([errorCode, errorMessage], [102, "Broker ID 7 is not currently registered"])
  },
  AddRaftVoter: {
    request: () => ({ clusterId: null, voterId: 2, voterDirectoryId: VOTER, listeners: [] }),
    sane: ({ errorCode, errorMessage }) =>
      assert.deepStrictEqual(
        [errorCode, errorMessage],
        [35, "Cluster doesn't support adding voter because the kraft.version feature is 0"]
      )
  },
  RemoveRaftVoter: {
    request: () => ({ clusterId: null, voterId: 1, voterDirectoryId: VOTER }),
    sane: ({ errorCode, errorMessage }) =>
      assert.deepStrictEqual(
        [errorCode, errorMessage],
        [35, "Cluster doesn't support removing voter because the kraft.version feature is 0"]
      )
  },
  GetTelemetrySubscriptions: {
    request: () => ({ clientInstanceId: ZERO_UUID }),
    sane: (answer) => {
      none(answer)
      assert.notStrictEqual(answer.clientInstanceId, ZERO_UUID)
      assert.deepStrictEqual([answer.pushIntervalMs, answer.requestedMetrics], [300_000, []])
    }
  },
  PushTelemetry: {
    request: () => ({ clientInstanceId: VOTER, subscriptionId: 1, metrics: bytes("") }),
    sane: ({ errorCode }) => assert.strictEqual(errorCode, 117)
  }
}
