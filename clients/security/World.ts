/** What lies on each broker before it is asked: topics, records, offsets, rules. */
import { CreateAcls } from "@tusk/protocol/messages/CreateAcls"
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { DescribeLogDirs } from "@tusk/protocol/messages/DescribeLogDirs"
import { FindCoordinator } from "@tusk/protocol/messages/FindCoordinator"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import { Produce } from "@tusk/protocol/messages/Produce"
import { ShareFetch } from "@tusk/protocol/messages/ShareFetch"
import { ShareGroupHeartbeat } from "@tusk/protocol/messages/ShareGroupHeartbeat"
import { holdsWithin } from "../../bench/groups/Report.ts"
import type { Wire } from "../../bench/groups/Wire.ts"
import { batchOf } from "../../packages/server/test/Batches.ts"
import { connectAs } from "./Principals.ts"
import type { Principal, Secured } from "./Principals.ts"

/** Topics with a record each; nobody but `super` may know of `hidden` and `forbidden`. */
export const TOPICS = ["there", "written", "hidden", "forbidden"] as const

/** What a request may need to know. */
export interface World {
  /** Ids of the topics, by name. */
  readonly ids: ReadonlyMap<string, string>
  /** Where the broker says that its logs lie. */
  readonly logDir: string
}

const TYPES = { topic: 2, group: 3, cluster: 4, transactionalId: 5, token: 6, user: 7 } as const
const [LITERAL, PREFIXED] = [3, 4]
const [ALL, WRITE, DESCRIBE] = [2, 4, 8]
/** Alter, describe, cluster actions, configs and idempotent writes: not making and deleting all topics. */
const OF_CLUSTER = [7, 8, 9, 10, 11, 12]
const [DENY, ALLOW] = [2, 3]

type Rule = readonly [
  principal: Principal,
  permission: number,
  operation: number,
  type: keyof typeof TYPES,
  name: string,
  pattern?: number
]

const allOf = (principal: Principal, permission: number, operation: number): ReadonlyArray<Rule> => [
  [principal, permission, operation, "topic", "there"],
  [principal, permission, operation, "topic", "f-", PREFIXED],
  [principal, permission, operation, "group", "kept"],
  [principal, permission, operation, "group", "g"],
  [principal, permission, operation, "group", "h"],
  [principal, permission, operation, "group", "f-", PREFIXED],
  [principal, permission, operation, "transactionalId", "nobody"],
  [principal, permission, operation, "transactionalId", "f-", PREFIXED]
]

const ofCluster = (principal: Principal, permission: number, operations: ReadonlyArray<number>): ReadonlyArray<Rule> =>
  operations.map((operation) => [principal, permission, operation, "cluster", "kafka-cluster"])

const RULES: ReadonlyArray<Rule> = [
  ...allOf("allowed", ALLOW, ALL),
  ...ofCluster("allowed", ALLOW, OF_CLUSTER),
  ["allowed", ALLOW, WRITE, "topic", "written"],
  ["allowed", ALLOW, DESCRIBE, "topic", "nowhere"],
  ["allowed", ALLOW, DESCRIBE, "topic", "missing"],
  ["allowed", ALLOW, ALL, "topic", "forbidden"],
  ["allowed", DENY, ALL, "topic", "forb", PREFIXED],
  ...allOf("describer", ALLOW, DESCRIBE),
  ...ofCluster("describer", ALLOW, [DESCRIBE]),
  ["describer", ALLOW, DESCRIBE, "topic", "written"],
  ["denied", ALLOW, ALL, "topic", "*"],
  ["denied", ALLOW, ALL, "group", "*"],
  ["denied", ALLOW, ALL, "transactionalId", "*"],
  ...allOf("denied", ALLOW, ALL),
  ...allOf("denied", DENY, ALL),
  ...ofCluster("denied", ALLOW, [ALL]),
  ...ofCluster("denied", DENY, [ALL]),
  ["denied", DENY, ALL, "group", "secret"],
  ["denied", DENY, ALL, "topic", "written"],
  ["denied", DENY, ALL, "topic", "hidden"],
  ["denied", DENY, ALL, "topic", "forbidden"]
]

const createRules = async (wire: Wire): Promise<void> => {
  const creations = RULES.map(([principal, permissionType, operation, type, resourceName, pattern = LITERAL]) => ({
    resourceType: TYPES[type],
    resourceName,
    resourcePatternType: pattern,
    principal: `User:${principal}`,
    host: "*",
    operation,
    permissionType
  }))
  const { results } = await wire.call(CreateAcls, 3, { creations })
  const bad = results.find(({ errorCode }) => errorCode !== 0)
  if (bad !== undefined) throw new Error(`a rule is refused: ${bad.errorMessage ?? bad.errorCode}`)
}

const NEW_PRODUCER = { transactionalId: null, transactionTimeoutMs: 1000, producerId: -1n, producerEpoch: -1 }

const produce = async (wire: Wire, name: string): Promise<boolean> => {
  const partitionData = [{ index: 0, records: batchOf(["hello"]) }]
  const { responses } = await wire.call(Produce, 9, {
    acks: -1,
    timeoutMs: 10_000,
    topicData: [{ name, partitionData }]
  })
  return responses[0]!.partitionResponses[0]!.errorCode === 0
}

/** Kafka makes its share coordinator's state at the first fetch, and answers some with an error until it is there. */
const share = async (wire: Wire, ids: World["ids"]): Promise<boolean> => {
  const member = { groupId: "warm", memberId: "AAECAwQFBgcICQoLDA0ODw" }
  await wire.call(ShareGroupHeartbeat, 1, { ...member, memberEpoch: 0, subscribedTopicNames: ["hidden"] })
  const topics = [{ topicId: ids.get("hidden")!, partitions: [{ partitionIndex: 0 }] }]
  const opened = await wire.call(ShareFetch, 1, {
    ...member,
    shareSessionEpoch: 0,
    maxWaitMs: 500,
    maxRecords: 1,
    topics
  })
  const isGood = opened.errorCode === 0 && opened.responses.every(({ partitions }) => partitions[0]?.errorCode === 0)
  await wire.call(ShareFetch, 1, { ...member, shareSessionEpoch: -1, topics: [] })
  await wire.call(ShareGroupHeartbeat, 1, { ...member, memberEpoch: -1 })
  return isGood
}

const commit = async (wire: Wire, groupId: string): Promise<boolean> => {
  const partitions = [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: "m", committedLeaderEpoch: -1 }]
  const topics = ["there", "hidden"].map((name) => ({ name, partitions }))
  const answer = await wire.call(OffsetCommit, 8, { groupId, generationIdOrMemberEpoch: -1, topics })
  return answer.topics.every((topic) => topic.partitions.every(({ errorCode }) => errorCode === 0))
}

const [GROUP, TRANSACTION, SHARE] = [0, 1, 2]

/** Kafka makes the topics of its coordinators when it is first asked for one. */
const coordinators = async (wire: Wire, ids: World["ids"]): Promise<boolean> => {
  const asked = [
    [GROUP, ["kept", "secret", "g"]],
    [TRANSACTION, ["nobody", "other"]],
    [SHARE, [`kept:${ids.get("there")}:0`]]
  ] as const
  for (const [keyType, coordinatorKeys] of asked) {
    const { coordinators: found } = await wire.call(FindCoordinator, 6, {
      keyType,
      coordinatorKeys: [...coordinatorKeys]
    })
    if (found.some(({ errorCode }) => errorCode !== 0)) return false
  }
  return true
}

/** Whether a principal's rules count by now. */
const rulesHold = async (secured: Secured): Promise<boolean> => {
  const wire = await connectAs(secured, "allowed")
  try {
    const { topics } = await wire.call(Metadata, 9, { topics: TOPICS.map((name) => ({ name })) })
    return topics.filter(({ errorCode }) => errorCode === 0).length >= 2
  } finally {
    wire.close()
  }
}

const must = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
  if (!(await holdsWithin(60_000, holds, 50))) throw new Error(`${what} does not come about`)
}

/** Makes all of it, as the super user. */
export const makeWorld = async (secured: Secured): Promise<World> => {
  const wire = await connectAs(secured, "super")
  try {
    const made = await wire.call(CreateTopics, 7, {
      topics: TOPICS.map((name) => ({ name, numPartitions: 1, replicationFactor: 1 })),
      timeoutMs: 10_000
    })
    const ids = new Map(made.topics.map(({ name, topicId }) => [name, topicId]))
    await must("a leader", async () => {
      const { topics } = await wire.call(Metadata, 9, { topics: TOPICS.map((name) => ({ name })) })
      return topics.every(({ partitions }) => partitions.length === 1 && partitions[0]!.leaderId === 1)
    })
    for (const name of TOPICS) await must(`a record of ${name}`, () => produce(wire, name))
    await must("every coordinator", () => coordinators(wire, ids))
    for (const group of ["kept", "secret"]) await must(`group ${group}`, () => commit(wire, group))
    await must("a producer's id", async () => (await wire.call(InitProducerId, 4, NEW_PRODUCER)).errorCode === 0)
    await must("a share session", () => share(wire, ids))
    await createRules(wire)
    await must("the rules", () => rulesHold(secured))
    const dirs = await wire.call(DescribeLogDirs, 4, { topics: null })
    return { ids, logDir: dirs.results[0]!.logDir }
  } finally {
    wire.close()
  }
}
