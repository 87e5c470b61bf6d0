import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import type { Api } from "@tusk/protocol/codec/Api"
import { AddRaftVoter } from "@tusk/protocol/messages/AddRaftVoter"
import { AlterPartitionReassignments } from "@tusk/protocol/messages/AlterPartitionReassignments"
import { AlterReplicaLogDirs } from "@tusk/protocol/messages/AlterReplicaLogDirs"
import { DescribeConfigs } from "@tusk/protocol/messages/DescribeConfigs"
import { DescribeQuorum } from "@tusk/protocol/messages/DescribeQuorum"
import { ElectLeaders } from "@tusk/protocol/messages/ElectLeaders"
import { GetTelemetrySubscriptions } from "@tusk/protocol/messages/GetTelemetrySubscriptions"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import { ListConfigResources } from "@tusk/protocol/messages/ListConfigResources"
import { ListPartitionReassignments } from "@tusk/protocol/messages/ListPartitionReassignments"
import { PushTelemetry } from "@tusk/protocol/messages/PushTelemetry"
import { RemoveRaftVoter } from "@tusk/protocol/messages/RemoveRaftVoter"
import { UnregisterBroker } from "@tusk/protocol/messages/UnregisterBroker"
import { UpdateFeatures } from "@tusk/protocol/messages/UpdateFeatures"
import { compress, GZIP } from "@tusk/protocol/record/Compression"
import type { World } from "./ToolSteps.ts"

/** A request that the tools do not make. */
export interface WireStep {
  readonly name: string
  readonly api: Api<any, any>
  readonly version: number
  readonly request: object
  /** Fields of the answer that the next requests of this client take. */
  readonly keeps?: (answer: any) => void
}

const METRICS = 16
const LOGGERS = 8
const VOTER = "AAECAwQFBgcICQoLDA0ODw"
const CLIENT = "EBESExQVFhcYGRobHB0eHw"
/** A `MetricsData` without a resource: one empty `ResourceMetrics`. */
const OTLP = Uint8Array.of(0x0a, 0)

const moves = (...partitions: ReadonlyArray<readonly [string, number, ReadonlyArray<number> | null]>) => ({
  topics: partitions.map(([name, partitionIndex, replicas]) => ({ name, partitions: [{ partitionIndex, replicas }] }))
})

const plain = ({ logDir }: World): ReadonlyArray<WireStep> => [
  {
    name: "AlterPartitionReassignments of many kinds",
    api: AlterPartitionReassignments,
    version: 1,
    request: moves(
      ["orders", 0, [1]],
      ["orders", 1, null],
      ["orders", 9, null],
      ["nowhere", 0, []],
      ["payments", 0, []]
    )
  },
  {
    name: "AlterPartitionReassignments, no other factor",
    api: AlterPartitionReassignments,
    version: 1,
    request: { ...moves(["orders", 0, [1]], ["orders", 1, [1, 1]]), allowReplicationFactorChange: false }
  },
  { name: "AlterPartitionReassignments of nothing", api: AlterPartitionReassignments, version: 0, request: {} },
  { name: "ListPartitionReassignments", api: ListPartitionReassignments, version: 0, request: { topics: null } },
  {
    name: "ListPartitionReassignments of some",
    api: ListPartitionReassignments,
    version: 0,
    request: { topics: [{ name: "nowhere", partitionIndexes: [0] }] }
  },
  ...[0, 1, 2].map((version) => ({
    name: `ElectLeaders ${version}`,
    api: ElectLeaders,
    version,
    request: {
      topicPartitions: [
        { topic: "orders", partitions: [0, 9] },
        { topic: "nowhere", partitions: [0] }
      ]
    }
  })),
  {
    name: "ElectLeaders of another kind",
    api: ElectLeaders,
    version: 2,
    request: { electionType: 7, topicPartitions: [{ topic: "orders", partitions: [0] }] }
  },
  { name: "ElectLeaders of none", api: ElectLeaders, version: 2, request: { electionType: 7, topicPartitions: [] } },
  {
    name: "AlterReplicaLogDirs",
    api: AlterReplicaLogDirs,
    version: 2,
    request: { dirs: [{ path: logDir, topics: [{ name: "orders", partitions: [0, 1] }] }] }
  },
  {
    name: "AlterReplicaLogDirs of a partition that is not there",
    api: AlterReplicaLogDirs,
    version: 2,
    request: { dirs: [{ path: logDir, topics: [{ name: "nowhere", partitions: [0] }] }] }
  },
  {
    name: "AlterReplicaLogDirs elsewhere",
    api: AlterReplicaLogDirs,
    version: 2,
    request: { dirs: [{ path: "/no/such/directory", topics: [{ name: "orders", partitions: [0] }] }] }
  },
  {
    name: "AlterReplicaLogDirs of a topic with a long name",
    api: AlterReplicaLogDirs,
    version: 2,
    request: { dirs: [{ path: "/", topics: [{ name: "x".repeat(240), partitions: [0] }] }] }
  },
  {
    name: "DescribeQuorum of another topic",
    api: DescribeQuorum,
    version: 2,
    request: { topics: [{ topicName: "orders", partitions: [{ partitionIndex: 0 }] }] }
  },
  { name: "UnregisterBroker 9", api: UnregisterBroker, version: 0, request: { brokerId: 9 } },
  ...[0, 1, 2].map((version) => ({
    name: `UpdateFeatures ${version}`,
    api: UpdateFeatures,
    version,
    request: { featureUpdates: [{ feature: "group.version", maxVersionLevel: 1 }] }
  })),
  {
    name: "UpdateFeatures, unknown kind",
    api: UpdateFeatures,
    version: 2,
    request: { featureUpdates: [{ feature: "group.version", maxVersionLevel: 1, upgradeType: 9 }] }
  },
  {
    name: "UpdateFeatures, one wrong of two",
    api: UpdateFeatures,
    version: 1,
    request: {
      featureUpdates: [
        { feature: "group.version", maxVersionLevel: 1 },
        { feature: "nope", maxVersionLevel: 3 }
      ]
    }
  },
  { name: "UpdateFeatures of none", api: UpdateFeatures, version: 2, request: {} },
  ...[AddRaftVoter, RemoveRaftVoter].flatMap((api) => {
    const version = 0
    const voter = { voterId: 2, voterDirectoryId: VOTER, listeners: [{ name: "CONTROLLER", host: "a", port: 1 }] }
    const known = { clusterId: null, ...(api === AddRaftVoter ? voter : { voterId: 2, voterDirectoryId: VOTER }) }
    return [
      { name: `${api.name}`, api, version, request: known },
      { name: `${api.name} of another cluster`, api, version, request: { ...known, clusterId: "another" } },
      { name: `${api.name} without a directory`, api, version, request: { ...known, voterDirectoryId: ZERO_UUID } },
      { name: `${api.name} of -1`, api, version, request: { ...known, voterId: -1 } }
    ]
  }),
  {
    name: "IncrementalAlterConfigs of loggers",
    api: IncrementalAlterConfigs,
    version: 1,
    request: {
      resources: [
        ["1", "root", 2, "INFO"],
        ["x", "root", 0, "INFO"],
        ["2", "root", 0, "INFO"],
        ["", "root", 0, "INFO"],
        ["01", "root", 0, null]
      ].map(([resourceName, name, configOperation, value]) => ({
        resourceType: LOGGERS,
        resourceName,
        configs: [{ name, configOperation, value }]
      }))
    }
  },
  {
    name: "IncrementalAlterConfigs of client metrics",
    api: IncrementalAlterConfigs,
    version: 1,
    request: {
      resources: [
        ["", "metrics", 0, "a"],
        ["appended", "metrics", 2, "a,b"],
        ["append", "interval.ms", 2, "1000"],
        ["null", "metrics", 0, null]
      ].map(([resourceName, name, configOperation, value]) => ({
        resourceType: METRICS,
        resourceName,
        configs: [{ name, configOperation, value }]
      }))
    }
  },
  {
    name: "IncrementalAlterConfigs of client metrics, subtracting",
    api: IncrementalAlterConfigs,
    version: 1,
    request: {
      resources: [
        {
          resourceType: METRICS,
          resourceName: "appended",
          configs: [{ name: "metrics", configOperation: 3, value: "a" }]
        }
      ]
    }
  },
  {
    name: "DescribeConfigs of client metrics",
    api: DescribeConfigs,
    version: 4,
    request: {
      resources: ["appended", "nobody", ""].map((resourceName) => ({
        resourceType: METRICS,
        resourceName,
        configurationKeys: null
      })),
      includeSynonyms: true,
      includeDocumentation: true
    }
  },
  { name: "ListConfigResources 0", api: ListConfigResources, version: 0, request: {} },
  {
    name: "ListConfigResources 1",
    api: ListConfigResources,
    version: 1,
    request: { resourceTypes: [METRICS, LOGGERS, 4] }
  },
  {
    name: "IncrementalAlterConfigs of client metrics, the last",
    api: IncrementalAlterConfigs,
    version: 1,
    request: {
      resources: [
        {
          resourceType: METRICS,
          resourceName: "appended",
          configs: [{ name: "metrics", configOperation: 1, value: null }]
        }
      ]
    }
  },
  { name: "ListConfigResources 0, none", api: ListConfigResources, version: 0, request: {} }
]

/** KIP-714, step by step; the ids of subscriptions are the broker's own. */
const telemetry = (): ReadonlyArray<WireStep> => {
  const push = { clientInstanceId: CLIENT, subscriptionId: 0, metrics: OTLP }
  const known = { ...push, terminating: true }
  const ask = (name: string, clientInstanceId = CLIENT): WireStep => ({
    name: `GetTelemetrySubscriptions ${name}`,
    api: GetTelemetrySubscriptions,
    version: 0,
    request: { clientInstanceId },
    keeps: ({ errorCode, subscriptionId }) => {
      if (errorCode === 0) push.subscriptionId = known.subscriptionId = subscriptionId
    }
  })
  // What is spread is read once the step comes, so that the id is the one that was told.
  const step = (name: string, base: object, more: object = {}): WireStep => ({
    name: `PushTelemetry ${name}`,
    api: PushTelemetry,
    version: 0,
    get request() {
      return { ...base, ...more }
    }
  })
  return [
    ask("of a new client"),
    ask("too soon"),
    step("the first", push),
    step("too soon", push),
    step("with a wrong subscription, at the end", known, { subscriptionId: 7 }),
    step("after the end", push),
    ask("after the end"),
    ask("of another client", "ICEiIyQlJicoKSorLC0uLw"),
    step("of a client that is not one", push, { clientInstanceId: ZERO_UUID }),
    step("of Kafka's own id", push, { clientInstanceId: "AAAAAAAAAAAAAAAAAAAAAQ" }),
    step("of a client that did not ask, with a wrong subscription", push, { clientInstanceId: VOTER })
  ]
}

const damaged = (name: string, more: object, id: string): ReadonlyArray<WireStep> => {
  const push = { clientInstanceId: id, subscriptionId: 0, metrics: OTLP }
  return [
    {
      name: `GetTelemetrySubscriptions (${name})`,
      api: GetTelemetrySubscriptions,
      version: 0,
      request: { clientInstanceId: id },
      keeps: ({ subscriptionId }) => void (push.subscriptionId = subscriptionId)
    },
    {
      name: `PushTelemetry ${name}`,
      api: PushTelemetry,
      version: 0,
      get request() {
        return { ...push, ...more }
      }
    },
    {
      name: `GetTelemetrySubscriptions (after ${name})`,
      api: GetTelemetrySubscriptions,
      version: 0,
      request: { clientInstanceId: id }
    }
  ]
}

export const wireSteps = (world: World): ReadonlyArray<WireStep> => [
  ...plain(world),
  ...telemetry(),
  ...damaged("of an unknown codec", { compressionType: 9 }, "MDEyMzQ1Njc4OTo7PD0-Pw"),
  ...damaged("that is too large", { metrics: new Uint8Array((1 << 20) + 1) }, "QEFCQ0RFRkdISUpLTE1OTw"),
  ...damaged(
    "that becomes too large",
    { compressionType: GZIP, metrics: compress(GZIP, new Uint8Array(5 << 20)) },
    "UFFSU1RVVldYWVpbXF1eXw"
  ),
  ...damaged("that is no OTLP", { metrics: Uint8Array.of(255, 255, 255) }, "YGFiY2RlZmdoaWprbG1ubw"),
  ...damaged("that is not gzip's", { compressionType: GZIP }, "cHFyc3R1dnd4eXp7fH1-fw"),
  ...damaged("in gzip", { compressionType: GZIP, metrics: compress(GZIP, OTLP) }, "gIGCg4SFhoeIiYqLjI2Ojw"),
  ...damaged("of nothing", { metrics: new Uint8Array(0) }, "kJGSk5SVlpeYmZqbnJ2enw")
]
