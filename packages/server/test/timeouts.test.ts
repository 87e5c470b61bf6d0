import { assert, describe, it } from "@effect/vitest"
import type { Api } from "@tusk/protocol/codec/Api"
import { decodeResponse } from "@tusk/protocol/Decode"
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { JoinGroup } from "@tusk/protocol/messages/JoinGroup"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import { Produce } from "@tusk/protocol/messages/Produce"
import { Committer } from "@tusk/storage/commit/Committer"
import { Log } from "@tusk/storage/log/Log"
import { makeSignal } from "@tusk/storage/Signal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { TestClock } from "effect/testing"
import type { Handler } from "../src/request/Handler.ts"
import { handlers } from "../src/handlers/index.ts"
import { batchOf } from "./Batches.ts"
import { brokerInTestTime, startBroker } from "./BrokerUnderTest.ts"
import type { BrokerUnderTest } from "./BrokerUnderTest.ts"
import { SENSIBLE } from "./handlers/sensible.ts"
import { ServingInTest } from "./ServingInTest.ts"
import { heldStore } from "./Stores.ts"
import { forVersion, requestFrame, within } from "./WireClient.ts"
import type { Partly, WireClient } from "./WireClient.ts"

const NOT_LEADER_OR_FOLLOWER = 6
const REQUEST_TIMED_OUT = 7
const COORDINATOR_LOAD_IN_PROGRESS = 14
/** A Java client that pushes metrics knows no other that lets it go on. */
const THROTTLING_QUOTA_EXCEEDED = 89
const COORDINATOR_NOT_AVAILABLE = 15

const LEADERS = ["Fetch", "ListOffsets", "OffsetForLeaderEpoch", "ShareFetch", "ShareAcknowledge"]
const COORDINATORS = [
  "FindCoordinator",
  "JoinGroup",
  "SyncGroup",
  "Heartbeat",
  "LeaveGroup",
  "OffsetCommit",
  "OffsetFetch",
  "OffsetDelete",
  "DescribeGroups",
  "ListGroups",
  "DeleteGroups",
  "ConsumerGroupHeartbeat",
  "ConsumerGroupDescribe",
  "ShareGroupHeartbeat",
  "ShareGroupDescribe",
  "DescribeShareGroupOffsets",
  "AlterShareGroupOffsets",
  "DeleteShareGroupOffsets",
  "StreamsGroupHeartbeat",
  "StreamsGroupDescribe",
  "AddPartitionsToTxn",
  "AddOffsetsToTxn",
  "EndTxn",
  "TxnOffsetCommit",
  "DescribeTransactions",
  "ListTransactions"
]
/** What each API tells a client that is to ask again. */
const laterCode = (name: string): number => {
  if (LEADERS.includes(name)) return NOT_LEADER_OR_FOLLOWER
  if (COORDINATORS.includes(name)) return COORDINATOR_NOT_AVAILABLE
  if (name.endsWith("Telemetry") || name.endsWith("TelemetrySubscriptions")) return THROTTLING_QUOTA_EXCEEDED
  return name === "InitProducerId" ? COORDINATOR_LOAD_IN_PROGRESS : REQUEST_TIMED_OUT
}

const all: ReadonlyArray<Handler> = handlers
const byName = (name: string): Handler => all.find(({ api }) => api.name === name)!

/** Every error code in an answer but those of parts that are none. */
const errorCodes = (answer: unknown): ReadonlyArray<number> => {
  if (Array.isArray(answer)) return answer.flatMap(errorCodes)
  if (typeof answer !== "object" || answer === null) return []
  return Object.entries(answer).flatMap(([name, value]) =>
    (name === "errorCode" || name === "partitionErrorCode") && value !== 0 ? [value as number] : errorCodes(value)
  )
}

const connect = (broker: BrokerUnderTest) => Effect.promise(() => broker.connect())
const frameOf = (api: Api<any, any>, version: number, correlationId = 0) => {
  const world = { topicId: "AAAAAAAAAAAAAAAAAAAAAQ", fresh: "nobody" }
  const request = SENSIBLE[api.name]!.request(world, version)
  return requestFrame(api, version, forVersion(api, version, request), correlationId)
}
const answerTo = <Req, Res>(client: WireClient, api: Api<Req, Res>, version: number) =>
  Effect.promise(async () => {
    const { body, correlationId } = Result.getOrThrow(decodeResponse(api, version, await client.frame()))
    return { body, correlationId }
  })
const producing = (name: string, timeoutMs = 1000): Partly<any> => ({
  acks: -1,
  timeoutMs,
  topicData: [{ name, partitionData: [{ index: 0, records: batchOf(["a"], { timestamp: 0n }) }] }]
})
const passSeconds = (seconds: number) =>
  Effect.forEach(Array.from({ length: seconds }), () => TestClock.adjust("1 second"), { discard: true })

describe("a broker that does not serve", () => {
  const others = all.filter(({ always }) => !always)

  it.effect("closes its connections if another broker has the lock: all it could tell of is itself", () =>
    Effect.gen(function* () {
      const serving = new ServingInTest()
      const broker = yield* brokerInTestTime({}, { parts: { active: serving.active } })
      serving.set(false)
      const client = yield* connect(broker)
      client.sendBytes(frameOf(Metadata, 12))
      yield* serving.waiting(1)
      serving.setElsewhere()
      yield* Effect.promise(() => within(client.closed, "the end of the connection"))
      assert.deepStrictEqual(client.frames, [])
    })
  )

  it.effect("lets no member wait for others of its group that ask another broker now", () =>
    Effect.gen(function* () {
      const serving = new ServingInTest()
      const broker = yield* brokerInTestTime({}, { parts: { active: serving.active } })
      const joining = {
        groupId: "g",
        sessionTimeoutMs: 60_000,
        rebalanceTimeoutMs: 600_000,
        protocolType: "consumer",
        protocols: [{ name: "range", metadata: new Uint8Array(0) }]
      }
      const [member, other] = [yield* connect(broker), yield* connect(broker)]
      // Without member ids that come first, before version 4.
      yield* Effect.promise(() => member.call(JoinGroup, 3, joining))
      other.send(JoinGroup, 3, joining)
      yield* Effect.promise(() => broker.serves())
      assert.deepStrictEqual(other.frames, [])
      serving.set(false)
      serving.setElsewhere()
      const { body } = yield* answerTo(other, JoinGroup, 3)
      assert.deepStrictEqual(errorCodes(body), [COORDINATOR_NOT_AVAILABLE])
    })
  )

  it.effect.each(others.map(({ api }) => [api.name] as const))("refuses %s after request.timeout.ms", ([name]) =>
    Effect.gen(function* () {
      const { api, versions } = byName(name)
      const serving = new ServingInTest()
      const broker = yield* brokerInTestTime({}, { parts: { active: serving.active } })
      serving.set(false)
      for (const version of new Set(versions)) {
        const client = yield* connect(broker)
        client.sendBytes(frameOf(api, version))
        yield* serving.waiting(1)
        yield* passSeconds(29)
        assert.deepStrictEqual(client.frames, [], "answered early")
        yield* passSeconds(2)
        const { body } = yield* answerTo(client, api, version)
        const codes = errorCodes(body)
        assert.isAbove(codes.length, 0)
        for (const code of codes) assert.strictEqual(code, laterCode(name), `version ${version}`)
      }
    })
  )

  it.effect("closes the connection if an answer has no place for an error, and would say that nothing is there", () =>
    Effect.gen(function* () {
      const serving = new ServingInTest()
      const broker = yield* brokerInTestTime({}, { parts: { active: serving.active } })
      serving.set(false)
      const requests = [
        requestFrame(Metadata, 12, { topics: null }),
        requestFrame(Metadata, 0, { topics: [] }),
        requestFrame(byName("DescribeTopicPartitions").api, 0, { topics: [], responsePartitionLimit: 10 })
      ]
      for (const request of requests) {
        const client = yield* connect(broker)
        client.sendBytes(request)
        yield* serving.waiting(1)
        yield* passSeconds(31)
        yield* Effect.promise(() => within(client.closed, "the end"))
        assert.deepStrictEqual(client.frames, [])
      }
    })
  )

  it.effect("answers ApiVersions, and not before what was asked before it", () =>
    Effect.gen(function* () {
      const serving = new ServingInTest()
      const broker = yield* brokerInTestTime({}, { parts: { active: serving.active } })
      serving.set(false)
      const [client, other] = [yield* connect(broker), yield* connect(broker)]
      client.sendBytes(Buffer.concat([frameOf(Produce, 12, 1), frameOf(ApiVersions, 4, 2), frameOf(Metadata, 12, 3)]))
      yield* serving.waiting(1)
      other.sendBytes(frameOf(ApiVersions, 4, 1))
      assert.strictEqual((yield* answerTo(other, ApiVersions, 4)).body.errorCode, 0)
      assert.deepStrictEqual(client.frames, [])
      yield* passSeconds(31)
      assert.deepStrictEqual(errorCodes((yield* answerTo(client, Produce, 12)).body), [REQUEST_TIMED_OUT])
      assert.strictEqual((yield* answerTo(client, ApiVersions, 4)).correlationId, 2)
      assert.deepStrictEqual(errorCodes((yield* answerTo(client, Metadata, 12)).body), [REQUEST_TIMED_OUT])
    })
  )

  it.effect("lets none of what was pipelined wait for longer than the first", () =>
    Effect.gen(function* () {
      const serving = new ServingInTest()
      const broker = yield* brokerInTestTime({}, { parts: { active: serving.active } })
      serving.set(false)
      const client = yield* connect(broker)
      client.sendBytes(Buffer.concat([1, 2, 3, 4, 5].map((id) => frameOf(Produce, 12, id))))
      yield* serving.waiting(1)
      yield* passSeconds(31)
      for (const id of [1, 2, 3, 4, 5]) assert.strictEqual((yield* answerTo(client, Produce, 12)).correlationId, id)
    })
  )

  it.effect("serves what waited, once it does", () =>
    Effect.gen(function* () {
      const serving = new ServingInTest()
      const broker = yield* brokerInTestTime({}, { parts: { active: serving.active } })
      yield* Effect.promise(() => broker.createTopic("t"))
      serving.set(false)
      const client = yield* connect(broker)
      client.sendBytes(requestFrame(Produce, 12, producing("t")))
      yield* serving.waiting(1)
      yield* passSeconds(20)
      serving.set(true)
      assert.deepStrictEqual(errorCodes((yield* answerTo(client, Produce, 12)).body), [])
    })
  )
})

describe("what is read from a broker that is not the writer any more", () => {
  const reading = all.filter(({ reads }) => reads)

  it.effect.each(reading.map(({ api }) => [api.name] as const))("%s is refused, complete as it is", ([name]) =>
    Effect.gen(function* () {
      const { api, versions } = byName(name)
      const serving = new ServingInTest()
      const broker = yield* brokerInTestTime({}, { parts: { active: serving.active } })
      for (const version of new Set(versions)) {
        const client = yield* connect(broker)
        serving.setForLooks(1)
        client.sendBytes(frameOf(api, version))
        const { body } = yield* answerTo(client, api, version)
        assert.include(errorCodes(body), laterCode(name), `version ${version}`)
      }
    })
  )

  it.effect("a Fetch that waited is refused", () =>
    Effect.gen(function* () {
      const serving = new ServingInTest()
      const broker = yield* brokerInTestTime({}, { parts: { active: serving.active } })
      yield* Effect.promise(() => broker.createTopic("t"))
      const client = yield* connect(broker)
      const poll = {
        maxWaitMs: 5000,
        minBytes: 1,
        maxBytes: 1000,
        sessionEpoch: -1,
        topics: [{ topic: "t", partitions: [{ partition: 0, partitionMaxBytes: 1000 }] }]
      }
      // The answer tells that the poll behind it has been read.
      client.sendBytes(Buffer.concat([requestFrame(Metadata, 12, { topics: [] }), requestFrame(Fetch, 12, poll)]))
      yield* answerTo(client, Metadata, 12)
      yield* passSeconds(4)
      assert.deepStrictEqual(client.frames, [])
      serving.set(false)
      yield* passSeconds(2)
      const { body } = yield* answerTo(client, Fetch, 12)
      assert.strictEqual(body.errorCode, NOT_LEADER_OR_FOLLOWER)
    })
  )

  it("all that tells of what is in memory is a read", () => {
    const telling =
      /^(Describe|List|Fetch|Metadata|OffsetFetch|OffsetForLeaderEpoch|FindCoordinator|ShareFetch)|Describe$/
    // A generation, an epoch or a fence is of memory, too.
    const ofGroups = /^(JoinGroup|SyncGroup|OffsetCommit|TxnOffsetCommit|ShareAcknowledge)$|Heartbeat$/
    // What is asked to change and cannot, here, is told as it is.
    const unchanging =
      /^(AlterReplicaLogDirs|AlterPartitionReassignments|ElectLeaders|UpdateFeatures|UnregisterBroker)$|RaftVoter$/
    assert.deepStrictEqual(
      all.flatMap(({ api, reads }) => (reads ? [api.name] : [])),
      all.flatMap(({ api: { name } }) =>
        [telling, ofGroups, unchanging].some((each) => each.test(name)) ? [name] : []
      )
    )
  })
})

describe("a commit that takes too long", () => {
  it.effect("each request is answered at request.timeout.ms, and what it wants is done all the same", () =>
    Effect.gen(function* () {
      const { hold, store, waiting } = heldStore()
      const broker = yield* brokerInTestTime({}, { store })
      yield* Effect.promise(() => broker.createTopic("t"))
      hold(true)
      const [admin, consumer] = [yield* connect(broker), yield* connect(broker)]
      admin.send(CreateTopics, 7, { topics: [{ name: "u", numPartitions: 1, replicationFactor: 1 }] })
      yield* waiting
      consumer.send(OffsetCommit, 8, {
        groupId: "g",
        generationIdOrMemberEpoch: -1,
        topics: [{ name: "t", partitions: [{ partitionIndex: 0, committedOffset: 7n }] }]
      })
      // Its answer tells that the broker has seen what was sent before it.
      yield* Effect.promise(() => broker.serves())
      yield* passSeconds(29)
      assert.deepStrictEqual([...admin.frames, ...consumer.frames], [])
      yield* passSeconds(2)
      assert.deepStrictEqual(errorCodes((yield* answerTo(admin, CreateTopics, 7)).body), [REQUEST_TIMED_OUT])
      assert.deepStrictEqual(errorCodes((yield* answerTo(consumer, OffsetCommit, 8)).body), [COORDINATOR_NOT_AVAILABLE])
      hold(false)
      const { OffsetFetch } = yield* Effect.promise(() => import("@tusk/protocol/messages/OffsetFetch"))
      const kept = yield* Effect.promise(() =>
        consumer.call(OffsetFetch, 7, { groupId: "g", topics: [{ name: "t", partitionIndexes: [0] }] })
      )
      assert.strictEqual(kept.topics[0]!.partitions[0]!.committedOffset, 7n)
      const found = yield* Effect.promise(() => admin.call(Metadata, 12, { topics: [{ name: "u" }] }))
      assert.strictEqual(found.topics[0]!.errorCode, 0)
    })
  )

  it.effect("a client that goes away while a topic is made for it takes it from no other that waits for it", () =>
    Effect.gen(function* () {
      const { hold, store, waiting } = heldStore()
      const broker = yield* brokerInTestTime({}, { store })
      hold(true)
      const [goes, stays] = [yield* connect(broker), yield* connect(broker)]
      const wanted = { topics: [{ name: "new" }], allowAutoTopicCreation: true }
      goes.send(Metadata, 12, wanted)
      yield* waiting
      stays.send(Metadata, 12, wanted)
      yield* Effect.promise(() => broker.serves())
      goes.socket.resetAndDestroy()
      yield* Effect.promise(() => within(goes.closed, "the end"))
      yield* Effect.promise(() => broker.serves())
      hold(false)
      const { body } = yield* answerTo(stays, Metadata, 12)
      assert.deepStrictEqual(errorCodes(body), [])
    })
  )

  it.effect("a Produce for which there is no room is refused at request.timeout.ms", () =>
    Effect.gen(function* () {
      const changed = makeSignal()
      let waiting = 0
      const full = Layer.effect(
        Committer,
        Effect.map(Committer, (committer) => {
          const room = () =>
            Effect.suspend(() => {
              waiting++
              changed.notify()
              return Effect.never
            })
          return Committer.of({ ...committer, hasRoom: () => false, room })
        })
      ).pipe(Layer.provide(Committer.layer))
      const broker = yield* brokerInTestTime({}, { parts: { committer: full } })
      yield* Effect.promise(() => broker.createTopic("t"))
      const client = yield* connect(broker)
      client.sendBytes(requestFrame(Produce, 12, producing("t")))
      yield* changed.until(() => waiting > 0)
      yield* passSeconds(31)
      assert.deepStrictEqual(errorCodes((yield* answerTo(client, Produce, 12)).body), [REQUEST_TIMED_OUT])
    })
  )

  it("the log is told how long a Produce may wait: a second at least; for ever if no answer is wanted", async () => {
    const told: Array<number | undefined> = []
    const log = Layer.effect(
      Log,
      Effect.map(Log, (log) =>
        Log.of({
          ...log,
          append: (requests, timeoutMs) => {
            told.push(timeoutMs)
            return log.append(requests, timeoutMs)
          }
        })
      )
    ).pipe(Layer.provide(Log.layer))
    await using broker = await startBroker({}, { parts: { log } })
    await broker.createTopic("t")
    const client = await broker.connect()
    for (const timeoutMs of [30_000, 1000, 999, 0, -1]) await client.call(Produce, 12, producing("t", timeoutMs))
    client.send(Produce, 12, { ...producing("t", 5000), acks: 0 })
    await client.call(Metadata, 12, { topics: [] })
    assert.deepStrictEqual(told, [30_000, 1000, 1000, 1000, 1000, undefined])
  })
})
