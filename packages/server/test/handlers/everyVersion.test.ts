import { afterAll, assert, beforeAll, describe, expect, it } from "@effect/vitest"
import type { Api } from "@tusk/protocol/codec/Api"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { decodeResponse } from "@tusk/protocol/Decode"
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import { apis } from "@tusk/protocol/messages/index"
import * as Result from "effect/Result"
import { handlers } from "../../src/handlers/index.ts"
import { batchOf, valuesOf } from "../Batches.ts"
import { startBroker } from "../BrokerUnderTest.ts"
import type { BrokerUnderTest } from "../BrokerUnderTest.ts"
import { forVersion, requestFrame, WireClient } from "../WireClient.ts"

/**
 * What is served, as facts of their own: from the bounds that the issue names, through the highest that Apache Kafka 4.3.1
 * advertises. ApiVersions tells the same, but for Produce: 0, as Kafka does, for the sake of old librdkafka.
 */
const SERVED: Readonly<Record<string, readonly [min: number, max: number]>> = {
  Produce: [3, 13],
  Fetch: [0, 18],
  ListOffsets: [0, 11],
  Metadata: [0, 13],
  OffsetCommit: [0, 10],
  OffsetFetch: [0, 10],
  FindCoordinator: [0, 6],
  JoinGroup: [0, 9],
  Heartbeat: [0, 4],
  LeaveGroup: [0, 5],
  SyncGroup: [0, 5],
  DescribeGroups: [0, 6],
  ListGroups: [0, 5],
  ApiVersions: [0, 4],
  CreateTopics: [0, 7],
  DeleteTopics: [0, 6],
  DeleteRecords: [0, 2],
  InitProducerId: [0, 5],
  OffsetForLeaderEpoch: [0, 4],
  DescribeConfigs: [0, 4],
  AlterConfigs: [0, 2],
  IncrementalAlterConfigs: [0, 1],
  DescribeLogDirs: [0, 5],
  CreatePartitions: [0, 3],
  DeleteGroups: [0, 2],
  OffsetDelete: [0, 0],
  DescribeCluster: [0, 2],
  ConsumerGroupHeartbeat: [0, 1],
  ConsumerGroupDescribe: [0, 1],
  DescribeTopicPartitions: [0, 0],
  ShareGroupHeartbeat: [1, 1],
  ShareGroupDescribe: [1, 1],
  ShareFetch: [1, 2],
  ShareAcknowledge: [1, 2],
  DescribeShareGroupOffsets: [0, 1],
  AlterShareGroupOffsets: [0, 0],
  DeleteShareGroupOffsets: [0, 0],
  ListConfigResources: [0, 1],
  StreamsGroupHeartbeat: [0, 0],
  StreamsGroupDescribe: [0, 0]
}

interface World {
  readonly topicId: string
  /** A name nobody used, for this API and version. */
  readonly fresh: string
}

interface Sensible {
  readonly request: (world: World, version: number) => object
  readonly sane: (answer: any, version: number, world: World) => void
}

const none = (answer: any) => assert.strictEqual(answer.errorCode, 0)
/** In versions without a place for it the decoder answers the default. */
const since = <A>(version: number, from: number, value: A, before: A) => (version >= from ? value : before)
const bytes = (text: string) => new Uint8Array(Buffer.from(text))

/** Of each API a request that says something, and what has to come of it; topic "there" has one record, "hello". */
const SENSIBLE: Readonly<Record<string, Sensible>> = {
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
    sane: ({ groups }) => assert.strictEqual(groups[0].errorCode, 69)
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
      topology: { epoch: 0, subtopologies: [{ subtopologyId: "0", sourceTopics: ["there"] }] }
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
  }
}

const versionsOf = ([min, max]: readonly [number, number]) => Array.from({ length: max - min + 1 }, (_, i) => min + i)

describe("every handler at every version", () => {
  let broker: BrokerUnderTest
  let client: WireClient
  let topicId: string
  let writtenId: string

  beforeAll(async () => {
    broker = await startBroker()
    client = await broker.connect()
    topicId = await broker.createTopic("there")
    writtenId = await broker.createTopic("written")
    const { Produce } = await import("@tusk/protocol/messages/Produce")
    const { OffsetCommit } = await import("@tusk/protocol/messages/OffsetCommit")
    const partitionData = [{ index: 0, records: batchOf(["hello"]) }]
    await client.call(Produce, 3, { acks: -1, timeoutMs: 1000, topicData: [{ name: "there", partitionData }] })
    const partitions = [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: "m" }]
    await client.call(OffsetCommit, 2, { groupId: "kept", topics: [{ name: "there", partitions }] })
  })
  afterAll(() => broker[Symbol.asyncDispose]())

  for (const { api, versions } of handlers as ReadonlyArray<{
    api: Api<any, any>
    versions: readonly [number, number]
  }>) {
    for (const version of versionsOf(versions)) {
      it(`${api.name} ${version}: nothing but defaults`, async () => {
        const request = api.request.defaults()
        // Acks 0 would not be answered.
        const asked = api.name === "Produce" ? { ...request, acks: -1 } : request
        await client.call(api, version, forVersion(api, version, asked))
        assert.deepStrictEqual(broker.log, [], "nothing went wrong inside")
      })

      it(`${api.name} ${version}: something sensible`, async () => {
        const sensible = SENSIBLE[api.name]
        if (sensible === undefined) assert.fail(`${api.name} has no request in this file`)
        const world = { topicId: api.name === "Produce" ? writtenId : topicId, fresh: `${api.name}-${version}` }
        const request = forVersion(api, version, sensible.request(world, version) as any)
        sensible.sane(await client.call(api, version, request), version, world)
        assert.deepStrictEqual(broker.log, [], "nothing went wrong inside")
      })
    }

    for (const version of [versions[0] - 1, versions[1] + 1, 0x7fff].filter((v) => v >= 0 && api !== ApiVersions)) {
      it(`${api.name} ${version} closes the connection, with a line in the log`, async () => {
        await using alone = await startBroker()
        const stranger = await alone.connect()
        const frame = requestFrame(api, versions[1], forVersion(api, versions[1], api.request.defaults()))
        frame.writeInt16BE(version, 6)
        stranger.sendBytes(frame)
        await stranger.closed
        assert.deepStrictEqual(stranger.frames, [])
        assert.deepStrictEqual(
          alone.log.map(({ level }) => level),
          ["Warn"]
        )
        assert.include(alone.log[0]!.text, api.name)
      })
    }
  }
})

describe("ApiVersions", () => {
  it("the list of handlers serves the ranges of Apache Kafka 4.3.1, or more", () => {
    const served = Object.fromEntries(handlers.map(({ api, versions }) => [api.name, versions]))
    expect(served).toEqual(SERVED)
    for (const { advertised, api, versions } of handlers) {
      assert.isAtMost(versions[0], Math.max(3, api.advertised[0]), api.name)
      assert.strictEqual(versions[1], api.advertised[1], api.name)
      assert.deepStrictEqual(advertised, api.name === "Produce" ? [0, 13] : versions)
    }
  })

  it("answers exactly the list of handlers", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const { apiKeys } = await client.call(ApiVersions, 4, { clientSoftwareName: "wire", clientSoftwareVersion: "1" })
    assert.deepStrictEqual(
      apiKeys.map(({ apiKey, maxVersion, minVersion }) => [apiKey, minVersion, maxVersion]),
      handlers.map(({ advertised, api }) => [api.key, ...advertised])
    )
  })

  it.each([5, 99, 0x7fff])(
    "version %i is answered as version 0 with error 35 and the versions that are",
    async (version) => {
      await using broker = await startBroker()
      const client = await broker.connect()
      const frame = requestFrame(ApiVersions, 4, { clientSoftwareName: "wire", clientSoftwareVersion: "1" }, 77)
      frame.writeInt16BE(version, 6)
      // What follows the header is of a version nobody here knows.
      client.sendBytes(frame)
      const { body, correlationId } = Result.getOrThrow(decodeResponse(ApiVersions, 0, await client.frame()))
      assert.strictEqual(correlationId, 77)
      assert.strictEqual(body.errorCode, 35)
      assert.deepInclude(body.apiKeys, { apiKey: 18, minVersion: 0, maxVersion: 4 } as any)
      // The connection stays: the client asks again.
      const again = await client.call(ApiVersions, 4, { clientSoftwareName: "wire", clientSoftwareVersion: "1" })
      assert.strictEqual(again.errorCode, 0)
    }
  )

  it("a client's name that is none is refused", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const { apiKeys, errorCode } = await client.call(ApiVersions, 3, {
      clientSoftwareName: "<script>",
      clientSoftwareVersion: "1"
    })
    assert.strictEqual(errorCode, 42)
    assert.isArray(apiKeys)
  })

  it("an API that is not served closes the connection, with a line in the log", async () => {
    const served = new Set(handlers.map(({ api }) => api.key))
    await using broker = await startBroker()
    const absent = apis.filter(({ key }) => !served.has(key))
    assert.isAbove(absent.length, 10)
    for (const api of absent) {
      const client = await broker.connect()
      const version = api.maxVersion
      client.sendBytes(requestFrame(api, version, forVersion(api, version, api.request.defaults())))
      await client.closed
      assert.deepStrictEqual(client.frames, [])
    }
    assert.lengthOf(broker.log, absent.length)
    assert.isTrue(await broker.serves())
  })
})
