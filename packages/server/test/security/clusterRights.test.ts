import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { AddRaftVoter } from "@tusk/protocol/messages/AddRaftVoter"
import { AlterClientQuotas } from "@tusk/protocol/messages/AlterClientQuotas"
import { AlterPartitionReassignments } from "@tusk/protocol/messages/AlterPartitionReassignments"
import { AlterReplicaLogDirs } from "@tusk/protocol/messages/AlterReplicaLogDirs"
import { DescribeClientQuotas } from "@tusk/protocol/messages/DescribeClientQuotas"
import { DescribeCluster } from "@tusk/protocol/messages/DescribeCluster"
import { DescribeLogDirs } from "@tusk/protocol/messages/DescribeLogDirs"
import { DescribeQuorum } from "@tusk/protocol/messages/DescribeQuorum"
import { ElectLeaders } from "@tusk/protocol/messages/ElectLeaders"
import { ListConfigResources } from "@tusk/protocol/messages/ListConfigResources"
import { ListPartitionReassignments } from "@tusk/protocol/messages/ListPartitionReassignments"
import { RemoveRaftVoter } from "@tusk/protocol/messages/RemoveRaftVoter"
import { UnregisterBroker } from "@tusk/protocol/messages/UnregisterBroker"
import { UpdateFeatures } from "@tusk/protocol/messages/UpdateFeatures"
import type { Api } from "@tusk/protocol/codec/Api"
import type { Operation } from "../../src/request/Operations.ts"
import { startBroker } from "../BrokerUnderTest.ts"
import type { BrokerUnderTest } from "../BrokerUnderTest.ts"
import { forVersion } from "../WireClient.ts"
import type { WireClient } from "../WireClient.ts"
import { SENSIBLE } from "../handlers/sensible.ts"
import { Rights } from "./Rights.ts"

const REFUSED = 31
const TEXT = "Cluster authorization failed."

interface Case {
  readonly api: Api<any, any>
  readonly version: number
  readonly operation: Operation
  /** As Apache Kafka 4.3.1 tells it, but for what its texts say of objects in its memory. */
  readonly refusal: object
}

const needs = (permission: string) => ({
  errorCode: REFUSED,
  errorMessage: `Request needs ${permission} permission.`
})

const CASES: ReadonlyArray<Case> = [
  { api: AddRaftVoter, version: 1, operation: "alter", refusal: { errorCode: REFUSED, errorMessage: TEXT } },
  { api: RemoveRaftVoter, version: 0, operation: "alter", refusal: { errorCode: REFUSED, errorMessage: TEXT } },
  { api: UnregisterBroker, version: 0, operation: "alter", refusal: needs("ALTER") },
  { api: UpdateFeatures, version: 2, operation: "alter", refusal: { ...needs("ALTER"), results: [] } },
  {
    api: DescribeQuorum,
    version: 1,
    operation: "describe",
    refusal: { errorCode: REFUSED, errorMessage: "", topics: [], nodes: [] }
  },
  {
    api: DescribeQuorum,
    version: 2,
    operation: "describe",
    refusal: { errorCode: REFUSED, errorMessage: TEXT, topics: [], nodes: [] }
  },
  {
    api: ElectLeaders,
    version: 0,
    operation: "alter",
    refusal: {
      errorCode: 0,
      replicaElectionResults: [{ topic: "there", partitionResult: [{ partitionId: 0, ...needs("ALTER") }] }]
    }
  },
  {
    api: ElectLeaders,
    version: 2,
    operation: "alter",
    refusal: {
      errorCode: REFUSED,
      replicaElectionResults: [{ topic: "there", partitionResult: [{ partitionId: 0, ...needs("ALTER") }] }]
    }
  },
  {
    api: AlterPartitionReassignments,
    version: 1,
    operation: "alter",
    refusal: {
      allowReplicationFactorChange: true,
      ...needs("ALTER"),
      responses: [{ name: "there", partitions: [{ partitionIndex: 0, ...needs("ALTER") }] }]
    }
  },
  {
    api: ListPartitionReassignments,
    version: 0,
    operation: "describe",
    refusal: {
      ...needs("DESCRIBE"),
      topics: [
        {
          name: "there",
          partitions: [{ partitionIndex: 0, replicas: [], addingReplicas: [], removingReplicas: [] }]
        }
      ]
    }
  },
  {
    api: AlterReplicaLogDirs,
    version: 2,
    operation: "alter",
    refusal: { results: [{ topicName: "there", partitions: [{ partitionIndex: 0, errorCode: REFUSED }] }] }
  },
  // Before version 3 there is no place to tell it.
  { api: DescribeLogDirs, version: 2, operation: "describe", refusal: { errorCode: 0, results: [] } },
  { api: DescribeLogDirs, version: 5, operation: "describe", refusal: { errorCode: REFUSED, results: [] } },
  {
    api: ListConfigResources,
    version: 1,
    operation: "describeConfigs",
    refusal: { errorCode: REFUSED, configResources: [] }
  },
  {
    api: DescribeClientQuotas,
    version: 1,
    operation: "describeConfigs",
    refusal: { errorCode: REFUSED, errorMessage: null, entries: null }
  },
  {
    api: AlterClientQuotas,
    version: 1,
    operation: "alterConfigs",
    refusal: {
      entries: [{ errorCode: REFUSED, errorMessage: TEXT, entity: [{ entityType: "user", entityName: null }] }]
    }
  }
]

describe("what asks for a right on the cluster", () => {
  const rights = new Rights()
  let broker: BrokerUnderTest
  let client: WireClient
  let topicId: string

  beforeAll(async () => {
    broker = await startBroker({}, { authorizer: rights })
    client = await broker.connect()
    topicId = await broker.createTopic("there")
  })
  afterAll(() => broker[Symbol.asyncDispose]())

  for (const { api, operation, refusal, version } of CASES) {
    it(`${api.name} ${version} is refused without ${operation}, and asks for nothing else`, async () => {
      const world = { topicId, fresh: "fresh" }
      const request = forVersion(api, version, SENSIBLE[api.name]!.request(world, version))
      rights.only(`${operation} topic there`)
      const { throttleTimeMs: _throttled, ...refused } = await client.call(api, version, request)
      assert.deepStrictEqual(refused, refusal)
      assert.deepStrictEqual(rights.asked, [`${operation} cluster kafka-cluster`])
      rights.only(`${operation} cluster kafka-cluster`)
      const allowed = await client.call(api, version, request)
      assert.notInclude(
        JSON.stringify(allowed, (_, each) => (typeof each === "bigint" ? `${each}` : each)),
        "31,"
      )
      assert.deepStrictEqual(rights.asked, [`${operation} cluster kafka-cluster`])
    })
  }

  it("DescribeCluster is answered to everybody; what may be done to the cluster to those who may describe it", async () => {
    const described = async () => {
      const request = { includeClusterAuthorizedOperations: true }
      const { brokers, clusterAuthorizedOperations, errorCode } = await client.call(DescribeCluster, 2, request)
      assert.deepStrictEqual([errorCode, brokers.length], [0, 1])
      return clusterAuthorizedOperations
    }
    rights.only("alter cluster kafka-cluster")
    assert.strictEqual(await described(), 0)
    rights.only("alter cluster kafka-cluster", "describe cluster kafka-cluster")
    assert.strictEqual(await described(), (1 << 7) | (1 << 8))
  })
})
