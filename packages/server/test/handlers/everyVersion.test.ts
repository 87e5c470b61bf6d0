import { afterAll, assert, beforeAll, describe, expect, it } from "@effect/vitest"
import { Writer } from "@tusk/protocol/codec/Writer"
import { decodeResponse } from "@tusk/protocol/Decode"
import { encodeResponse } from "@tusk/protocol/Header"
import { errorCode, InvalidRequest } from "@tusk/protocol/KafkaError"
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import { leftOut } from "@tusk/protocol/messages/index"
import * as Result from "effect/Result"
import type { Handler } from "../../src/request/Handler.ts"
import { ANONYMOUS } from "../../src/request/Identity.ts"
import { RequestContext } from "../../src/request/RequestContext.ts"
import { handlers } from "../../src/handlers/index.ts"
import { batchOf } from "../Batches.ts"
import { startBroker } from "../BrokerUnderTest.ts"
import type { BrokerUnderTest } from "../BrokerUnderTest.ts"
import { forVersion, requestFrame, WireClient } from "../WireClient.ts"
import { SENSIBLE } from "./sensible.ts"

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
  StreamsGroupDescribe: [0, 0],
  DescribeAcls: [0, 3],
  CreateAcls: [0, 3],
  DeleteAcls: [0, 3],
  DescribeClientQuotas: [0, 1],
  DescribeUserScramCredentials: [0, 0],
  AlterUserScramCredentials: [0, 0],
  CreateDelegationToken: [0, 3],
  RenewDelegationToken: [0, 2],
  ExpireDelegationToken: [0, 2],
  DescribeDelegationToken: [0, 3],
  SaslHandshake: [0, 1],
  SaslAuthenticate: [0, 2],
  ListPartitionReassignments: [0, 0],
  AddPartitionsToTxn: [0, 5],
  AddOffsetsToTxn: [0, 4],
  EndTxn: [0, 5],
  WriteTxnMarkers: [1, 2],
  TxnOffsetCommit: [0, 5],
  DescribeProducers: [0, 0],
  DescribeTransactions: [0, 0],
  ListTransactions: [0, 2],
  AlterReplicaLogDirs: [0, 2],
  ElectLeaders: [0, 2],
  AlterPartitionReassignments: [0, 1],
  DescribeQuorum: [0, 2],
  UpdateFeatures: [0, 2],
  AlterClientQuotas: [0, 1],
  UnregisterBroker: [0, 0],
  GetTelemetrySubscriptions: [0, 0],
  PushTelemetry: [0, 0],
  AddRaftVoter: [0, 1],
  RemoveRaftVoter: [0, 0]
}

/** Of defaults that get no answer: what is asked instead. */
const UNANSWERED: Readonly<Record<string, object>> = {
  Produce: { acks: -1 },
  // 0 is UNKNOWN, and costs the connection.
  DescribeAcls: { resourceTypeFilter: 1, operation: 1, permissionType: 1 }
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

  for (const { api, refuse, versions } of handlers as ReadonlyArray<Handler>) {
    for (const version of versionsOf(versions)) {
      it(`${api.name} ${version}: nothing but defaults`, async () => {
        const asked = { ...api.request.defaults(), ...UNANSWERED[api.name] }
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

    it(`${api.name}: a refusal and its reason can be told in every version`, () => {
      for (const version of versionsOf(versions)) {
        const world = { topicId: "AAAAAAAAAAAAAAAAAAAAAQ", fresh: "nobody" }
        for (const said of [{}, SENSIBLE[api.name]!.request(world, version)]) {
          const request = { ...api.request.defaults(), ...forVersion(api, version, said as any) }
          const connection = { close: () => {}, identity: ANONYMOUS } as any
          const context = new RequestContext(version, "", 1, connection)
          const error = new InvalidRequest({ message: "why", recordErrors: [{ index: 0, message: "this" }] })
          const answer = refuse(request, errorCode(error), error, context)
          if (answer !== undefined) encodeResponse(api, version, 1, { ...answer, throttleTimeMs: 0 }, new Writer())
        }
      }
    })

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
      // What follows the header is of a version unknown here.
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
    await using broker = await startBroker()
    const absent = leftOut.slice(0, 5)
    assert.isAbove(absent.length, 2)
    for (const { key } of absent) {
      const client = await broker.connect()
      const frame = requestFrame(ApiVersions, 0, {})
      frame.writeInt16BE(key, 4)
      client.sendBytes(frame)
      await client.closed
      assert.deepStrictEqual(client.frames, [])
    }
    assert.lengthOf(broker.log, absent.length)
    assert.isTrue(await broker.serves())
  })
})
