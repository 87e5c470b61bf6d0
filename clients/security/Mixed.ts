/** Requests that name what a principal may use beside what it may not, and what is not there. */
import { batchOf } from "../../packages/server/test/Batches.ts"
import type { Principal } from "./Principals.ts"
import { TOPICS } from "./World.ts"
import type { World } from "./World.ts"

/** A request of one API, in any version. */
export interface Mixed {
  readonly name: string
  readonly notBy?: ReadonlyArray<Principal>
  readonly request: (world: World, fresh: string, version: number) => object
}

const NAMES = ["there", "hidden", "forbidden", "written", "nowhere"]
/** Of those whose loss would be felt. */
const LOST = ["hidden", "forbidden", "nowhere"]
const UNKNOWN_ID = "AAECAwQFBgcICQoLDA0ODw"
const GROUPS = ["kept", "secret", "nobody"]
const TRANSACTIONS = ["nobody", "other"]
const TOPIC = 2

const idOf = ({ ids }: World, name: string) => ids.get(name) ?? UNKNOWN_ID
const each = <A>(names: ReadonlyArray<string>, of: (name: string) => A): ReadonlyArray<A> => names.map(of)

const topicsOf = (world: World, partition: object, names = NAMES) =>
  each(names, (name) => ({ name, topic: name, topicName: name, topicId: idOf(world, name), partitions: [partition] }))

const many = (request: Mixed["request"], more: Partial<Mixed> = {}): ReadonlyArray<Mixed> => [
  { name: "of many", request, ...more }
]

const ofGroups = many(() => ({ groups: GROUPS, groupIds: GROUPS, includeAuthorizedOperations: true }))

const txn = (transactionalId: string) => ({ transactionalId, producerId: 1n, producerEpoch: 0 })

const configs = (resources: ReadonlyArray<object>) => ({ resources, validateOnly: true })

export const MIXED: Readonly<Record<string, ReadonlyArray<Mixed>>> = {
  Metadata: [
    {
      name: "of many",
      request: (world, _, version) => ({
        topics: each(NAMES, (name) =>
          version >= 10 && name !== "nowhere" ? { name: null, topicId: idOf(world, name) } : { name }
        ),
        allowAutoTopicCreation: false,
        includeTopicAuthorizedOperations: true,
        includeClusterAuthorizedOperations: true
      })
    },
    {
      name: "by names",
      request: () => ({ topics: each(NAMES, (name) => ({ name })), allowAutoTopicCreation: false })
    },
    {
      name: "making one",
      request: (_, fresh) => ({ topics: [{ name: `x${fresh}` }], allowAutoTopicCreation: true })
    }
  ],
  DescribeTopicPartitions: many(() => ({
    topics: each(NAMES.toSorted(), (name) => ({ name })),
    responsePartitionLimit: 100
  })),
  Produce: [
    ...[1, -1].map((acks) => ({
      name: `of many, acks ${acks}`,
      request: (world: World) => ({
        acks,
        timeoutMs: 1000,
        topicData: each(NAMES, (name) => ({
          name,
          topicId: idOf(world, name),
          partitionData: [{ index: 0, records: batchOf(["a"]) }]
        }))
      })
    })),
    ...TRANSACTIONS.map((transactionalId) => ({
      name: `in a transaction of ${transactionalId}`,
      request: (world: World) => ({
        transactionalId,
        acks: -1,
        timeoutMs: 1000,
        topicData: [
          {
            name: "there",
            topicId: idOf(world, "there"),
            partitionData: [
              {
                index: 0,
                records: batchOf(["a"], { producerId: 1n, producerEpoch: 0, baseSequence: 0, isTransactional: true })
              }
            ]
          }
        ]
      })
    }))
  ],
  Fetch: many((world) => ({
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 1 << 20,
    sessionEpoch: -1,
    topics: topicsOf(world, { partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 << 20 })
  })),
  ListOffsets: many((world) => ({
    replicaId: -1,
    topics: topicsOf(world, { partitionIndex: 0, timestamp: -2n })
  })),
  OffsetForLeaderEpoch: many((world) => ({
    replicaId: -1,
    topics: topicsOf(world, { partition: 0, leaderEpoch: 1 << 30 })
  })),
  OffsetCommit: (
    [
      ["kept", ""],
      ["secret", ""],
      ["kept", "nobody"]
    ] as const
  ).map(([groupId, memberId]) => ({
    name: `of group ${groupId}${memberId === "" ? "" : " by a member that is none"}`,
    request: (world: World) => ({
      groupId,
      memberId,
      generationIdOrMemberEpoch: memberId === "" ? -1 : 3,
      topics: topicsOf(world, { partitionIndex: 0, committedOffset: 1n, committedMetadata: "m" })
    })
  })),
  OffsetFetch: [
    {
      name: "of many",
      request: (world) => {
        const topics = each(NAMES, (name) => ({ name, topicId: idOf(world, name), partitionIndexes: [0] }))
        return { groupId: "kept", topics, groups: each(GROUPS, (groupId) => ({ groupId, topics })) }
      }
    },
    {
      name: "of all topics",
      request: (_: World, __: string, version: number) => ({
        groupId: "kept",
        topics: version < 2 ? [] : null,
        groups: each(GROUPS, (groupId) => ({ groupId, topics: null }))
      })
    }
  ],
  OffsetDelete: many(
    () => ({
      groupId: "kept",
      topics: each(LOST, (name) => ({ name, partitions: [{ partitionIndex: 0 }] }))
    }),
    { notBy: ["super"] }
  ),
  FindCoordinator: [
    ...GROUPS.map((key) => ({
      name: `of group ${key}`,
      request: () => ({ key, keyType: 0, coordinatorKeys: GROUPS })
    })),
    ...TRANSACTIONS.map((key) => ({
      name: `of transactions ${key}`,
      request: (_: World, __: string, version: number) =>
        version === 0 ? { key } : { key, keyType: 1, coordinatorKeys: TRANSACTIONS }
    })),
    {
      name: "of a share partition",
      request: (world: World, _: string, version: number) =>
        version < 6 ? { key: "kept" } : { keyType: 2, coordinatorKeys: [`kept:${idOf(world, "there")}:0`] }
    }
  ],
  DescribeGroups: ofGroups,
  ConsumerGroupDescribe: ofGroups,
  ShareGroupDescribe: ofGroups,
  StreamsGroupDescribe: ofGroups,
  ListGroups: [{ name: "all", request: () => ({}) }],
  DeleteGroups: many(() => ({ groupsNames: ["secret", "nobody"] }), { notBy: ["super"] }),
  JoinGroup: [
    {
      name: "of group secret",
      request: () => ({
        groupId: "secret",
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 10_000,
        memberId: "m",
        protocolType: "consumer",
        protocols: [{ name: "range", metadata: new Uint8Array(1) }]
      })
    }
  ],
  SyncGroup: [{ name: "of group secret", request: () => ({ groupId: "secret", generationId: 1, memberId: "m" }) }],
  Heartbeat: [{ name: "of group secret", request: () => ({ groupId: "secret", generationId: 1, memberId: "m" }) }],
  LeaveGroup: [
    { name: "of group secret", request: () => ({ groupId: "secret", memberId: "m", members: [{ memberId: "m" }] }) }
  ],
  ConsumerGroupHeartbeat: [
    {
      name: "of group secret",
      request: () => ({ groupId: "secret", memberId: "m", memberEpoch: 7 })
    },
    ...[NAMES, ["there"], ["hidden"]].map((subscribedTopicNames, i) => ({
      name: `subscribing ${subscribedTopicNames.join(" ")}`,
      request: (_: World, fresh: string) => ({
        groupId: `${fresh}-${i}`,
        memberId: "m",
        rebalanceTimeoutMs: 1000,
        subscribedTopicNames,
        topicPartitions: []
      })
    }))
  ],
  ShareGroupHeartbeat: [
    { name: "of group secret", request: () => ({ groupId: "secret", memberId: "m", memberEpoch: 7 }) },
    ...[NAMES, ["there"], ["hidden"]].map((subscribedTopicNames, i) => ({
      name: `subscribing ${subscribedTopicNames.join(" ")}`,
      request: (_: World, fresh: string) => ({ groupId: `${fresh}-${i}`, memberId: "m", subscribedTopicNames })
    }))
  ],
  StreamsGroupHeartbeat: [NAMES, ["there"], ["hidden"]].map((sourceTopics, i) => ({
    name: `of source topics ${sourceTopics.join(" ")}`,
    request: (_: World, fresh: string) => ({
      groupId: `${fresh}-${i}`,
      memberId: "m",
      rebalanceTimeoutMs: 1000,
      processId: "p",
      topology: { epoch: 0, subtopologies: [{ subtopologyId: "0", sourceTopics }] },
      activeTasks: [],
      standbyTasks: [],
      warmupTasks: []
    })
  })),
  ShareFetch: many((world, fresh) => ({
    groupId: fresh,
    memberId: "AAECAwQFBgcICQoLDA0ODw",
    maxWaitMs: 500,
    maxRecords: 10,
    batchSize: 10,
    topics: each(TOPICS, (name) => ({
      topicId: idOf(world, name),
      partitions: [{ partitionIndex: 0, acknowledgementBatches: [] }]
    }))
  })),
  DescribeShareGroupOffsets: many(() => ({
    groups: each(GROUPS, (groupId) => ({
      groupId,
      topics: each(NAMES, (topicName) => ({ topicName, partitions: [0] }))
    }))
  })),
  AlterShareGroupOffsets: many((_, fresh) => ({
    groupId: fresh,
    topics: each(NAMES, (topicName) => ({ topicName, partitions: [{ partitionIndex: 0, startOffset: 0n }] }))
  })),
  DeleteShareGroupOffsets: many((_, fresh) => ({
    groupId: fresh,
    topics: each(NAMES, (topicName) => ({ topicName }))
  })),
  CreateTopics: [false, true].map((validateOnly) => ({
    name: validateOnly ? "of many, in vain" : "of many",
    request: (_, fresh) => ({
      topics: each([`${fresh}-mixed`, "hidden", `x${fresh}`], (name) => ({
        name,
        numPartitions: 1,
        replicationFactor: 1
      })),
      timeoutMs: 5000,
      validateOnly
    })
  })),
  DeleteTopics: [
    {
      name: "of many",
      notBy: ["super"],
      request: () => ({ topics: each(LOST, (name) => ({ name })), topicNames: LOST, timeoutMs: 1000 })
    },
    {
      name: "by their ids",
      notBy: ["super"],
      request: (world, _, version) =>
        version < 6
          ? { topicNames: LOST, timeoutMs: 1000 }
          : { topics: each(LOST, (name) => ({ name: null, topicId: idOf(world, name) })), timeoutMs: 1000 }
    }
  ],
  DeleteRecords: many(() => ({
    topics: each(NAMES, (name) => ({ name, partitions: [{ partitionIndex: 0, offset: 0n }] })),
    timeoutMs: 1000
  })),
  CreatePartitions: many(() => ({
    topics: each(NAMES, (name) => ({ name, count: 3, assignments: null })),
    validateOnly: true,
    timeoutMs: 1000
  })),
  DescribeConfigs: many(() => ({
    resources: [
      ...each(NAMES, (resourceName) => ({ resourceType: TOPIC, resourceName, configurationKeys: ["retention.ms"] })),
      { resourceType: 4, resourceName: "1", configurationKeys: ["num.partitions"] },
      { resourceType: 8, resourceName: "1", configurationKeys: ["root"] },
      { resourceType: 16, resourceName: "metrics", configurationKeys: null },
      ...each(GROUPS, (resourceName) => ({
        resourceType: 32,
        resourceName,
        configurationKeys: ["consumer.session.timeout.ms"]
      }))
    ]
  })),
  AlterConfigs: many(() =>
    configs(
      each(LOST, (resourceName) => ({
        resourceType: TOPIC,
        resourceName,
        configs: [{ name: "retention.ms", value: "86400000" }]
      }))
    )
  ),
  IncrementalAlterConfigs: many(() =>
    configs([
      ...each(NAMES, (resourceName) => ({
        resourceType: TOPIC,
        resourceName,
        configs: [{ name: "retention.ms", configOperation: 0, value: "86400000" }]
      })),
      {
        resourceType: 4,
        resourceName: "1",
        configs: [{ name: "log.cleaner.threads", configOperation: 0, value: "1" }]
      },
      ...each(["kept", "secret"], (resourceName) => ({
        resourceType: 32,
        resourceName,
        configs: [{ name: "consumer.session.timeout.ms", configOperation: 0, value: "45000" }]
      })),
      {
        resourceType: 16,
        resourceName: "metrics",
        configs: [{ name: "interval.ms", configOperation: 0, value: "1000" }]
      }
    ])
  ),
  ListConfigResources: [
    { name: "of all kinds", request: (_, __, version) => (version === 0 ? {} : { resourceTypes: [2, 4, 8, 16, 32] }) }
  ],
  DescribeLogDirs: [
    ...many(() => ({ topics: each(NAMES, (topic) => ({ topic, partitions: [0] })) })),
    { name: "of all", request: () => ({ topics: null }) }
  ],
  DescribeProducers: many(() => ({ topics: each(NAMES, (name) => ({ name, partitionIndexes: [0] })) })),
  InitProducerId: TRANSACTIONS.map((transactionalId) => ({
    name: `of ${transactionalId}`,
    request: (_, fresh) => ({
      transactionalId: transactionalId === "nobody" ? fresh : transactionalId,
      transactionTimeoutMs: 1000,
      producerId: -1n,
      producerEpoch: -1
    })
  })),
  AddPartitionsToTxn: TRANSACTIONS.map((id) => ({
    name: `of ${id}`,
    request: (_, __, version) => {
      const topics = each(NAMES, (name) => ({ name, partitions: [0] }))
      return version >= 4
        ? { transactions: each(TRANSACTIONS, (transactionalId) => ({ ...txn(transactionalId), topics })) }
        : {
            v3AndBelowTransactionalId: id,
            v3AndBelowProducerId: 1n,
            v3AndBelowProducerEpoch: 0,
            v3AndBelowTopics: topics
          }
    }
  })),
  AddOffsetsToTxn: [
    { name: "of group secret", request: () => ({ ...txn("nobody"), groupId: "secret" }) },
    { name: "of transactions other", request: () => ({ ...txn("other"), groupId: "kept" }) }
  ],
  EndTxn: [{ name: "of other", request: () => ({ ...txn("other"), committed: true }) }],
  TxnOffsetCommit: (
    [
      ["nobody", "kept"],
      ["nobody", "secret"],
      ["other", "kept"]
    ] as const
  ).map(([transactionalId, groupId]) => ({
    name: `of ${transactionalId} and group ${groupId}`,
    request: () => ({
      ...txn(transactionalId),
      groupId,
      topics: each(NAMES, (name) => ({
        name,
        partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: null }]
      }))
    })
  })),
  DescribeTransactions: many(() => ({ transactionalIds: TRANSACTIONS })),
  ListTransactions: [{ name: "all", request: () => ({}) }]
}
