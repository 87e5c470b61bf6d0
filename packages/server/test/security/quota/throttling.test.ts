import { assert, describe, it } from "@effect/vitest"
import { CreatePartitions } from "@tusk/protocol/messages/CreatePartitions"
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { DeleteTopics } from "@tusk/protocol/messages/DeleteTopics"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { Heartbeat } from "@tusk/protocol/messages/Heartbeat"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as Effect from "effect/Effect"
import { batchOf } from "../../Batches.ts"
import { brokerInTestTime, startBroker } from "../../BrokerUnderTest.ts"
import { requestFrame } from "../../WireClient.ts"
import { after, limit, named, settled } from "./Limiting.ts"

const THROTTLING_QUOTA_EXCEEDED = 89

const producing = (text: string) => ({
  acks: -1,
  timeoutMs: 30_000,
  topicData: [{ name: "t", partitionData: [{ index: 0, records: batchOf([text], { timestamp: 0n }) }] }]
})
const big = producing("x".repeat(1000))
const SENT_BYTES = requestFrame(Produce, 12, big, 1, "a").byteLength - 4

const fetching = (fetchOffset: bigint, session?: { readonly sessionId: number; readonly sessionEpoch: number }) => ({
  maxWaitMs: 0,
  minBytes: 0,
  maxBytes: 1 << 20,
  sessionEpoch: -1,
  ...session,
  topics: [{ topic: "t", partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1 << 20 }] }]
})

describe("who produces more than its quota", () => {
  it.effect("is answered at once, with the time to wait; nothing more is read from its connection for so long", () =>
    Effect.gen(function* () {
      const broker = yield* brokerInTestTime()
      yield* Effect.promise(() => broker.createTopic("t"))
      // Ten seconds of it are one request.
      yield* Effect.promise(() => limit(broker, { "client-id": "a" }, "producer_byte_rate", Math.ceil(SENT_BYTES / 10)))
      const [client, other] = yield* Effect.promise(() => Promise.all([named(broker, "a"), named(broker, "b")]))
      const first = yield* Effect.promise(() => client.call(Produce, 12, big))
      assert.strictEqual(first.throttleTimeMs, 0)
      const second = yield* Effect.promise(() => client.call(Produce, 12, big))
      assert.strictEqual(second.responses[0]!.partitionResponses[0]!.errorCode, 0)
      assert.approximately(second.throttleTimeMs, 10_000, 200)
      client.send(Metadata, 12, { topics: [] })
      yield* after(broker, 5000)
      assert.strictEqual(client.frames.length, 0)
      // Another client is none of it, and neither is another connection of the same one: group members go on.
      const free = yield* Effect.promise(() => other.call(Produce, 12, big))
      assert.strictEqual(free.throttleTimeMs, 0)
      const beat = yield* Effect.promise(async () =>
        (await named(broker, "a")).call(Heartbeat, 4, { groupId: "g", memberId: "m" })
      )
      assert.strictEqual(beat.throttleTimeMs, 0)
      yield* after(broker, second.throttleTimeMs - 5000)
      assert.strictEqual((yield* Effect.promise(() => client.frame())).readInt32BE(0), 3)
    })
  )

  it.effect("and pipelines has its requests done in their order, each in its time", () =>
    Effect.gen(function* () {
      const broker = yield* brokerInTestTime()
      yield* Effect.promise(() => broker.createTopic("t"))
      yield* Effect.promise(() =>
        limit(broker, { user: "ANONYMOUS" }, "producer_byte_rate", Math.ceil(SENT_BYTES / 10))
      )
      const client = yield* Effect.promise(() => named(broker, "a"))
      yield* Effect.promise(() => client.call(Produce, 12, big))
      yield* Effect.promise(() => client.call(Produce, 12, big))
      const ids = [
        client.send(Produce, 12, big),
        client.send(Metadata, 12, { topics: [] }),
        client.send(Produce, 12, big)
      ]
      for (const id of ids) {
        yield* settled(broker)
        for (let seconds = 0; client.frames.length === 0; seconds++) {
          assert.isBelow(seconds, 60)
          yield* after(broker, 1000)
        }
        assert.strictEqual((yield* Effect.promise(() => client.frame())).readInt32BE(0), id)
      }
      const [, read] = yield* Effect.promise(async () => {
        const reader = await named(broker, "reader")
        return [reader, await reader.call(Fetch, 12, fetching(0n))] as const
      })
      assert.strictEqual(read.responses[0]!.partitions[0]!.highWatermark, 4n)
    })
  )

  it.effect("waits also if it wants no answer", () =>
    Effect.gen(function* () {
      const broker = yield* brokerInTestTime()
      yield* Effect.promise(() => broker.createTopic("t"))
      yield* Effect.promise(() => limit(broker, { "client-id": null }, "producer_byte_rate", 1))
      const client = yield* Effect.promise(() => named(broker, "a"))
      client.send(Produce, 12, { ...big, acks: 0 })
      yield* after(broker, 1000)
      client.send(Metadata, 12, { topics: [] })
      yield* after(broker, 60_000)
      assert.strictEqual(client.frames.length, 0)
    })
  )

  it("holds up neither its own end nor the broker's", async () => {
    const broker = await startBroker()
    await broker.createTopic("t")
    await limit(broker, { "client-id": "a" }, "producer_byte_rate", 1)
    const [gone, left] = [await named(broker, "a"), await named(broker, "a")]
    for (const client of [gone, left]) {
      const { throttleTimeMs } = await client.call(Produce, 12, big)
      assert.isAbove(throttleTimeMs, 60_000)
      client.send(Metadata, 12, { topics: [] })
    }
    await gone[Symbol.asyncDispose]()
    const begun = performance.now()
    await broker[Symbol.asyncDispose]()
    assert.isBelow(performance.now() - begun, 5000)
    await left.closed
  })

  it.effect("is free once its quota is gone, and at once held by a new one", () =>
    Effect.gen(function* () {
      const broker = yield* brokerInTestTime()
      yield* Effect.promise(() => broker.createTopic("t"))
      const client = yield* Effect.promise(() => named(broker, "a"))
      const send = () =>
        Effect.map(
          Effect.promise(() => client.call(Produce, 12, big)),
          ({ throttleTimeMs }) => throttleTimeMs
        )
      yield* Effect.promise(() => limit(broker, { "client-id": "a" }, "producer_byte_rate", 1_000_000))
      for (let i = 0; i < 3; i++) assert.strictEqual(yield* send(), 0)
      yield* Effect.promise(() => limit(broker, { "client-id": "a" }, "producer_byte_rate", 10))
      assert.isAbove(yield* send(), 100_000)
      yield* after(broker, 1_000_000)
      yield* Effect.promise(() => limit(broker, { "client-id": "a" }, "producer_byte_rate", undefined))
      for (let i = 0; i < 3; i++) assert.strictEqual(yield* send(), 0)
    })
  )
})

describe("who fetches more than its quota", () => {
  it.effect("is told nothing but the time to wait, and loses nothing; a session goes on", () =>
    Effect.gen(function* () {
      const broker = yield* brokerInTestTime()
      yield* Effect.promise(() => broker.createTopic("t"))
      const writer = yield* Effect.promise(() => named(broker, "w"))
      yield* Effect.promise(() => writer.call(Produce, 12, big))
      const client = yield* Effect.promise(() => named(broker, "a"))
      const fetch = (from: bigint, session?: { readonly sessionId: number; readonly sessionEpoch: number }) =>
        Effect.promise(() => client.call(Fetch, 12, fetching(from, session)))
      yield* Effect.promise(() => limit(broker, { "client-id": "a" }, "consumer_byte_rate", 150))
      const first = yield* fetch(0n, { sessionId: 0, sessionEpoch: 0 })
      assert.strictEqual(first.throttleTimeMs, 0)
      assert.strictEqual(first.responses[0]!.partitions[0]!.records!.length, 1)
      const { sessionId } = first
      const again = yield* fetch(0n, { sessionId, sessionEpoch: 1 })
      assert.deepStrictEqual([again.sessionId, again.responses, again.errorCode], [sessionId, [], 0])
      assert.isAbove(again.throttleTimeMs, 1000)
      // A rate is of ten seconds at least: who waits as long as is told may be told once more.
      let [told, epoch] = [again, 2]
      for (; told.throttleTimeMs > 0; epoch++) {
        assert.isBelow(epoch, 10)
        yield* after(broker, told.throttleTimeMs)
        told = yield* fetch(0n, { sessionId, sessionEpoch: epoch })
      }
      assert.strictEqual(told.responses[0]!.partitions[0]!.records!.length, 1)
      // A session that begins is none.
      const whole = yield* fetch(0n, { sessionId: 0, sessionEpoch: 0 })
      assert.deepStrictEqual([whole.sessionId, whole.responses], [0, []])
      assert.isAbove(whole.throttleTimeMs, 0)
    })
  )
})

describe("who changes more partitions than its quota", () => {
  const topicOf = (name: string, numPartitions: number) => ({ name, numPartitions, replicationFactor: 1 })

  it.effect("is refused from the versions on that know of it, and else made to wait", () =>
    Effect.gen(function* () {
      const broker = yield* brokerInTestTime()
      yield* Effect.promise(() => limit(broker, { user: null }, "controller_mutation_rate", 1))
      const [strict, mild] = yield* Effect.promise(() => Promise.all([named(broker, "s"), named(broker, "m")]))
      const made = yield* Effect.promise(() =>
        strict.call(CreateTopics, 7, { topics: [topicOf("a", 11), topicOf("b", 1), topicOf("c", 1)] })
      )
      assert.deepStrictEqual(
        made.topics.map(({ errorCode, errorMessage }) => [errorCode, errorMessage]),
        [
          [0, null],
          [0, null],
          [THROTTLING_QUOTA_EXCEEDED, "The throttling quota has been exceeded."]
        ]
      )
      assert.approximately(made.throttleTimeMs, 1000, 100)
      const late = yield* Effect.promise(() => mild.call(CreateTopics, 5, { topics: [topicOf("d", 1)] }))
      assert.strictEqual(late.topics[0]!.errorCode, 0)
      assert.approximately(late.throttleTimeMs, 2000, 100)
      yield* after(broker, 1000)
      const more = yield* Effect.promise(() =>
        strict.call(CreatePartitions, 3, { topics: [{ name: "a", count: 12, assignments: null }] })
      )
      assert.strictEqual(more.results[0]!.errorCode, THROTTLING_QUOTA_EXCEEDED)
      assert.approximately(more.throttleTimeMs, 1000, 100)
      yield* after(broker, 1000)
      const gone = yield* Effect.promise(() => strict.call(DeleteTopics, 6, { topics: [{ name: "a" }, { name: "b" }] }))
      assert.deepStrictEqual(
        gone.responses.map(({ errorCode }) => errorCode),
        [0, THROTTLING_QUOTA_EXCEEDED]
      )
      assert.approximately(gone.throttleTimeMs, 11_000, 100)
    })
  )
})

it("the time of requests is limited, a sample at most at a time", async () => {
  await using broker = await startBroker()
  await limit(broker, { "client-id": "a" }, "request_percentage", 1e-6)
  const [client, other] = [await named(broker, "a"), await named(broker, "b")]
  const { throttleTimeMs } = await client.call(Metadata, 12, { topics: null })
  assert.strictEqual(throttleTimeMs, 1000)
  assert.strictEqual((await other.call(Metadata, 12, { topics: null })).throttleTimeMs, 0)
})
