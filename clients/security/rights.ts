import { ConsumerGroupDescribe } from "@tusk/protocol/messages/ConsumerGroupDescribe"
import { CreateAcls } from "@tusk/protocol/messages/CreateAcls"
import { DeleteAcls } from "@tusk/protocol/messages/DeleteAcls"
import { DescribeAcls } from "@tusk/protocol/messages/DescribeAcls"
import { DescribeCluster } from "@tusk/protocol/messages/DescribeCluster"
import { DescribeGroups } from "@tusk/protocol/messages/DescribeGroups"
import { DescribeTopicPartitions } from "@tusk/protocol/messages/DescribeTopicPartitions"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { ShareGroupDescribe } from "@tusk/protocol/messages/ShareGroupDescribe"
import { StreamsGroupDescribe } from "@tusk/protocol/messages/StreamsGroupDescribe"
import { named } from "./Part.ts"
import type { Part, WireStep } from "./Part.ts"

/** By the numbers of Kafka's enums. */
const [TOPIC, GROUP, CLUSTER] = [2, 3, 4] as const
const [LITERAL, PREFIXED] = [3, 4] as const
const [ALL, READ, WRITE, DELETE, ALTER, DESCRIBE, ACTION, ALTER_CONFIGS] = [2, 3, 4, 6, 7, 8, 9, 11] as const
const [DENY, ALLOW] = [2, 3] as const

const ME = "User:ANONYMOUS"

const acl = (
  resourceType: number,
  resourceName: string,
  operation: number,
  permissionType: number,
  some: object = {}
) => ({
  resourceType,
  resourceName,
  resourcePatternType: LITERAL,
  principal: ME,
  host: "*",
  operation,
  permissionType,
  ...some
})

const PREFIX = { resourcePatternType: PREFIXED }

/** What no row is about, everybody may do: so the client can make the rows by which it is restricted. */
const RIGHTS = [
  acl(TOPIC, "reader", READ, ALLOW),
  acl(TOPIC, "writer", WRITE, ALLOW),
  acl(TOPIC, "configs", ALTER_CONFIGS, ALLOW),
  acl(TOPIC, "all", ALL, ALLOW),
  acl(TOPIC, "all", DELETE, DENY),
  acl(TOPIC, "denied", READ, ALLOW),
  acl(TOPIC, "denied", DESCRIBE, DENY),
  acl(TOPIC, "half", READ, DENY),
  acl(TOPIC, "half", ALTER, ALLOW),
  acl(TOPIC, "others", READ, ALLOW, { principal: "User:other" }),
  acl(TOPIC, "here", READ, ALLOW, { host: "127.0.0.1" }),
  acl(TOPIC, "there", READ, ALLOW, { host: "10.0.0.1" }),
  acl(TOPIC, "every", READ, ALLOW, { principal: "User:*" }),
  acl(TOPIC, "team-", READ, ALLOW, PREFIX),
  acl(TOPIC, "team-secret", ALL, DENY, PREFIX),
  acl(GROUP, "readers", READ, ALLOW),
  acl(GROUP, "gone", DELETE, ALLOW),
  acl(GROUP, "others", READ, ALLOW, { principal: "User:other" })
]
const TOPICS = [
  ...new Set(RIGHTS.filter(({ resourceType }) => resourceType === TOPIC).map(({ resourceName }) => resourceName)),
  "free",
  "team-a",
  "team-secrets"
]
const GROUPS = ["readers", "gone", "others", "free"]

const ASKED = { allowAutoTopicCreation: false, includeTopicAuthorizedOperations: true }

/** Rows are heeded once topics of others are not told any more, and what may be done to the cluster is `bits`. */
const untilHidden = (answer: { readonly topics: ReadonlyArray<{ readonly name: string }> }): boolean =>
  !answer.topics.some(({ name }) => name === "others")
const untilOperations =
  (bits: number) =>
  (answer: { readonly clusterAuthorizedOperations: number }): boolean =>
    answer.clusterAuthorizedOperations === bits

const operationsOfTopics: ReadonlyArray<WireStep> = [8, 10, 12, 13].flatMap((version) => [
  named(
    Metadata,
    version,
    { topics: [...TOPICS, "nowhere", "a b"].map((name) => ({ name })), ...ASKED },
    "what may be done to each of some topics"
  ),
  named(Metadata, version, { topics: null, ...ASKED }, "what may be done to all topics")
])

const operationsOfGroups: ReadonlyArray<WireStep> = [
  ...[3, 5, 6].map((version) =>
    named(DescribeGroups, version, { groups: GROUPS, includeAuthorizedOperations: true }, "what may be done to groups")
  ),
  named(DescribeGroups, 5, { groups: GROUPS }, "what may be done was not asked"),
  ...([ConsumerGroupDescribe, ShareGroupDescribe, StreamsGroupDescribe] as const).map((api) =>
    named(
      api,
      api.advertised[1],
      { groupIds: GROUPS, includeAuthorizedOperations: true },
      "what may be done to groups that are not there"
    )
  )
]

const CLUSTER_ASKED = { includeClusterAuthorizedOperations: true }
const MAY_ALTER = (1 << ACTION) | (1 << DESCRIBE) | (1 << ALTER)

const operationsOfCluster = (when: string): ReadonlyArray<WireStep> => [
  ...[8, 9, 10].map((version) => named(Metadata, version, { topics: [], ...CLUSTER_ASKED }, `the cluster, ${when}`)),
  ...[0, 1, 2].map((version) => named(DescribeCluster, version, CLUSTER_ASKED, `the cluster, ${when}`)),
  named(DescribeCluster, 1, {}, `the cluster, ${when}, not asked`)
]

const ANY = {
  resourceTypeFilter: 1,
  resourceNameFilter: null,
  patternTypeFilter: 1,
  principalFilter: null,
  hostFilter: null,
  operation: 1,
  permissionType: 1
}
const onCluster = (operation: number) => acl(CLUSTER, "kafka-cluster", operation, ALLOW)

const wireSteps: ReadonlyArray<WireStep> = [
  named(CreateAcls, 3, { creations: RIGHTS }, "rights"),
  named(Metadata, 12, { topics: null, allowAutoTopicCreation: false }, "rights are heeded", { until: untilHidden }),
  ...operationsOfTopics,
  named(
    DescribeTopicPartitions,
    0,
    { topics: [...TOPICS, "nowhere"].map((name) => ({ name })), responsePartitionLimit: 100, cursor: null },
    "what may be done to topics"
  ),
  ...operationsOfGroups,
  ...operationsOfCluster("before a row is about it"),
  // The broker of an Apache Kafka is of that name, too, to its own controller.
  named(
    CreateAcls,
    3,
    { creations: [ACTION, DESCRIBE, ALTER].map((operation) => onCluster(operation)) },
    "to the cluster"
  ),
  named(DescribeCluster, 1, CLUSTER_ASKED, "these rights are heeded", { until: untilOperations(MAY_ALTER) }),
  ...operationsOfCluster("which may be altered"),
  named(DescribeAcls, 3, { ...ANY, resourceTypeFilter: CLUSTER }, "of the cluster"),
  named(
    DeleteAcls,
    3,
    { filters: [DESCRIBE, ALTER].map((operation) => ({ ...ANY, resourceTypeFilter: CLUSTER, operation })) },
    "of the cluster"
  ),
  named(DescribeCluster, 1, CLUSTER_ASKED, "their end is heeded", { until: untilOperations(0) }),
  ...operationsOfCluster("which may not be described"),
  named(DescribeAcls, 3, ANY, "denied"),
  named(CreateAcls, 3, { creations: RIGHTS.slice(0, 2) }, "denied"),
  named(DeleteAcls, 3, { filters: [ANY, ANY] }, "denied")
]

export const rights: Part = {
  name: "rights",
  settings: { "allow.everyone.if.no.acl.found": "true" },
  topics: new Map(TOPICS.map((name) => [name, 1])),
  toolSteps: [],
  wireSteps,
  differences: new Map()
}
