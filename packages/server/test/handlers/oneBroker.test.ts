/** APIs that move what cannot move here: what they check, and that nothing is told that is not so. */
import { assert, describe, it } from "@effect/vitest"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { AddRaftVoter } from "@tusk/protocol/messages/AddRaftVoter"
import { AlterPartitionReassignments } from "@tusk/protocol/messages/AlterPartitionReassignments"
import { AlterReplicaLogDirs } from "@tusk/protocol/messages/AlterReplicaLogDirs"
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import { DescribeQuorum } from "@tusk/protocol/messages/DescribeQuorum"
import { ElectLeaders } from "@tusk/protocol/messages/ElectLeaders"
import { RemoveRaftVoter } from "@tusk/protocol/messages/RemoveRaftVoter"
import { UnregisterBroker } from "@tusk/protocol/messages/UnregisterBroker"
import { UpdateFeatures } from "@tusk/protocol/messages/UpdateFeatures"
import { startBroker } from "../BrokerUnderTest.ts"

const VOTER = "AAECAwQFBgcICQoLDA0ODw"

describe("assignments", () => {
  it.each<readonly [string, ReadonlyArray<number> | null, number, string | null]>([
    ["as it is", [1], 0, null],
    ["of no broker", [], 39, "The manual partition assignment includes an empty replica list."],
    [
      "of a stranger",
      [1, 2],
      39,
      "The manual partition assignment includes broker 2, but no such broker is registered."
    ],
    ["of one twice", [1, 1], 39, "The manual partition assignment includes the broker 1 more than once."],
    ["that is to be cancelled", null, 85, null]
  ])("%s", async (_, replicas, code, message) => {
    await using broker = await startBroker()
    await broker.createTopic("t")
    const client = await broker.connect()
    const { responses } = await client.call(AlterPartitionReassignments, 1, {
      topics: [{ name: "t", partitions: [{ partitionIndex: 0, replicas }] }]
    })
    const { errorCode, errorMessage } = responses[0]!.partitions[0]!
    assert.deepStrictEqual([errorCode, errorMessage], [code, message])
  })
})

it("leaders are what they should be, of the coordinators' topics too", async () => {
  await using broker = await startBroker()
  await broker.createTopic("t")
  const client = await broker.connect()
  const elect = async (topic: string, partition: number, electionType = 0) => {
    const topicPartitions = [{ topic, partitions: [partition] }]
    const answer = await client.call(ElectLeaders, 2, { electionType, topicPartitions })
    return answer.replicaElectionResults[0]!.partitionResult[0]!.errorCode
  }
  assert.deepStrictEqual(
    [await elect("t", 0), await elect("t", 0, 1), await elect("t", 1), await elect("u", 0), await elect("t", 0, 2)],
    [84, 84, 3, 3, 42]
  )
  assert.strictEqual(await elect("__consumer_offsets", 49), 84)
  const all = await client.call(ElectLeaders, 2, { topicPartitions: null })
  assert.strictEqual(all.errorCode, 0)
  assert.isTrue(all.replicaElectionResults.every(({ partitionResult }) => partitionResult.length === 0))
})

it("a directory is the store's, or not there", async () => {
  await using broker = await startBroker()
  await broker.createTopic("t")
  const client = await broker.connect()
  const move = async (path: string, name: string, partition = 0) => {
    const dirs = [{ path, topics: [{ name, partitions: [partition] }] }]
    const { results } = await client.call(AlterReplicaLogDirs, 2, { dirs })
    return results[0]!.partitions[0]!.errorCode
  }
  assert.deepStrictEqual(
    [await move("/memory", "t"), await move("/", "t"), await move("/memory", "t", 1), await move("/", "x".repeat(249))],
    [0, 57, 3, 17]
  )
})

it("the quorum is this broker, at its epoch, where this client reaches it", async () => {
  await using broker = await startBroker()
  const client = await broker.connect()
  const answer = await client.call(DescribeQuorum, 2, {
    topics: [{ topicName: "__cluster_metadata", partitions: [{ partitionIndex: 0 }] }]
  })
  const { currentVoters, highWatermark, leaderEpoch, leaderId, observers } = answer.topics[0]!.partitions[0]!
  assert.deepStrictEqual([leaderId, highWatermark, currentVoters.length, observers], [1, -1n, 1, []])
  assert.isAbove(leaderEpoch, 0)
  assert.deepStrictEqual(answer.nodes, [
    { nodeId: 1, listeners: [{ name: "PLAINTEXT", host: "127.0.0.1", port: broker.port }] }
  ])
})

it("a broker that serves is not unregistered, another one is not known", async () => {
  await using broker = await startBroker()
  const client = await broker.connect()
  assert.strictEqual((await client.call(UnregisterBroker, 0, { brokerId: 1 })).errorCode, 42)
  assert.strictEqual((await client.call(UnregisterBroker, 0, { brokerId: 2 })).errorCode, 102)
  assert.isTrue(await broker.serves())
})

it.each([AddRaftVoter, RemoveRaftVoter])("$name: no voter comes or goes", async (api) => {
  await using broker = await startBroker()
  const client = await broker.connect()
  const ask = async (more: object) => {
    const request = { clusterId: null, voterId: 2, voterDirectoryId: VOTER, ...more }
    return (await client.call(api as typeof RemoveRaftVoter, 0, request)).errorCode
  }
  assert.deepStrictEqual(
    [
      await ask({}),
      await ask({ clusterId: "x" }),
      await ask({ voterId: -1 }),
      await ask({ voterDirectoryId: ZERO_UUID })
    ],
    [35, 104, 42, 42]
  )
})

describe("features", () => {
  it("have one level each, which is told in every version", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    for (const version of [3, 4]) {
      const { finalizedFeatures, supportedFeatures } = await client.call(ApiVersions, version, {
        clientSoftwareName: "wire",
        clientSoftwareVersion: "1"
      })
      const supported = supportedFeatures.map(({ maxVersion, minVersion, name }) => [name, minVersion, maxVersion])
      assert.deepStrictEqual(
        finalizedFeatures.map(({ maxVersionLevel, minVersionLevel, name }) => [name, minVersionLevel, maxVersionLevel]),
        supported
      )
      assert.deepStrictEqual(supported, [
        ["metadata.version", 30, 30],
        ["group.version", 1, 1],
        ["share.version", 1, 1],
        ["streams.version", 1, 1],
        ["transaction.version", 2, 2]
      ])
    }
  })

  it.each<readonly [string, number, number, string]>([
    ["group.version", 1, 1, ""],
    ["group.version", 1, 2, ""],
    ["group.version", 0, 2, "Local controller 1 only supports versions 1"],
    ["transaction.version", 1, 3, "Local controller 1 only supports versions 2"],
    ["share.version", 2, 1, "Local controller 1 only supports versions 1"],
    ["kraft.version", 1, 1, "Local controller 1 does not support this feature."],
    ["kraft.version", 0, 2, ""],
    ["nope", 0, 2, "Feature nope not found."],
    ["group.version", -1, 1, "A feature version cannot be less than 0."],
    ["group.version", 1, 0, "The controller does not support the given upgrade type."]
  ])("%s to %i by %i: %s", async (feature, maxVersionLevel, upgradeType, why) => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const featureUpdates = [{ feature, maxVersionLevel, upgradeType }]
    const { errorCode, errorMessage } = await client.call(UpdateFeatures, 2, { featureUpdates })
    assert.strictEqual(errorCode, why === "" ? 0 : 95)
    if (why !== "") assert.isTrue(errorMessage?.endsWith(`for feature ${feature}. ${why}`), errorMessage ?? "")
  })
})
