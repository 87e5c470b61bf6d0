/** Answers to fetches that clients do not read are bounded together, and others are served. */
import { assert, describe, it } from "@effect/vitest"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import type { FetchRequest } from "@tusk/protocol/messages/Fetch"
import { Produce } from "@tusk/protocol/messages/Produce"
import { AnswerBudget } from "../src/fetch/AnswerBudget.ts"
import { BrokerSettings } from "@tusk/server/config/BrokerSettings"
import { defaultSettings } from "@tusk/server/config/Settings"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { batchOf } from "./Batches.ts"
import { startBroker } from "./BrokerUnderTest.ts"
import { answersLater } from "./Stores.ts"
import { within as withinTime } from "./WireClient.ts"
import type { Partly, WireClient } from "./WireClient.ts"

const MIB = 1024 * 1024
const BATCHES = 48

const asking = {
  maxWaitMs: 0,
  minBytes: 1,
  maxBytes: 50 * MIB,
  sessionEpoch: -1,
  topics: [{ topic: "t", partitions: [{ partition: 0, partitionMaxBytes: 50 * MIB }] }]
}
const fetched = async (client: WireClient, request: Partly<FetchRequest> = asking): Promise<number> => {
  const { responses } = await client.call(Fetch, 12, request)
  return Buffer.concat(responses[0]!.partitions[0]!.records ?? []).byteLength
}

describe("the budget of answers", () => {
  const within = <A>(use: (budget: AnswerBudget["Service"]) => A): A =>
    Effect.runSync(
      Effect.map(AnswerBudget, use).pipe(
        Effect.provide(AnswerBudget.layer),
        Effect.provide(Layer.succeed(BrokerSettings, { ...defaultSettings, fetchAnswersMaxBytes: 16 * MIB }))
      )
    )

  it("gives a part of what is free, and a little if nothing is", () =>
    within(({ claim, held }) => {
      const connections = Array.from({ length: 100 }, () => ({ answered: undefined }))
      const given = connections.map((connection) => claim(connection).take(50 * MIB))
      assert.deepStrictEqual(given.slice(0, 3), [4 * MIB, 3 * MIB, 2.25 * MIB])
      assert.strictEqual(given.at(-1), 64 * 1024)
      // A first batch may be larger than what is given, until a quarter more than is allowed is held.
      assert.isBelow(held(), 20 * MIB + 100 * 64 * 1024)
      assert.strictEqual(claim({ answered: undefined }).take(1000), 1000)
    }))

  it("gives no larger first batch if too many were given already", () =>
    within(({ claim, held }) => {
      const given = Array.from({ length: 40 }, () => {
        const own = claim({ answered: undefined })
        own.take(50 * MIB)
        if (!own.isShort()) own.keep(MIB)
        return own
      })
      const shorts = given.filter((own) => own.isShort())
      assert.strictEqual(given.length - shorts.length, 20)
      assert.strictEqual(held(), 20 * MIB + 20 * 64 * 1024)
      for (const own of given.slice(0, 10)) own.release()
      assert.isTrue(given[0]!.take(50 * MIB) > 0 && !given[0]!.isShort())
    }))

  it("counts what an answer has, from when it is read to when it is written", () =>
    within(({ claim, held }) => {
      const connection: { answered: { readonly release: () => void } | undefined } = { answered: undefined }
      const own = claim(connection)
      own.take(50 * MIB)
      own.keep(10)
      assert.strictEqual(held(), 10)
      own.release()
      assert.strictEqual(held(), 0)
      assert.strictEqual(own.take(50 * MIB), 4 * MIB)
      assert.strictEqual(own.take(50 * MIB), 4 * MIB, "a second look of the same request counts once")
      connection.answered!.release()
      assert.strictEqual(held(), 0)
    }))
})

describe("when nothing is free", () => {
  it.effect("a request waits until something is, or for a moment", () =>
    Effect.gen(function* () {
      const { claim, held, room } = yield* AnswerBudget
      const connection: { answered: { readonly release: () => void } | undefined } = { answered: undefined }
      const own = claim(connection)
      assert.isUndefined(room())
      own.take(MIB)
      own.keep(16 * MIB)
      const waiting = yield* Effect.forkChild(room()!, { startImmediately: true })
      assert.isUndefined(waiting.pollUnsafe())
      own.release()
      yield* Fiber.join(waiting)
      assert.deepStrictEqual([held(), room()], [0, undefined])
      own.keep(16 * MIB)
      const patient = yield* Effect.forkChild(room()!, { startImmediately: true })
      yield* TestClock.adjust("199 millis")
      assert.isUndefined(patient.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(patient)
      assert.strictEqual(held(), 16 * MIB)
    }).pipe(
      Effect.provide(AnswerBudget.layer),
      Effect.provide(Layer.succeed(BrokerSettings, { ...defaultSettings, fetchAnswersMaxBytes: 16 * MIB }))
    )
  )
})

describe("clients that ask and do not read", () => {
  it("leave smaller answers to others, and all once they are gone", async () => {
    await using broker = await startBroker({ fetchAnswersMaxBytes: 64 * MIB })
    const client = await broker.connect()
    await broker.createTopic("t")
    for (let i = 0; i < BATCHES; i++) {
      const partitionData = [{ index: 0, records: batchOf(["x".repeat(MIB - 1000)]) }]
      const { responses } = await client.call(Produce, 12, { acks: -1, topicData: [{ name: "t", partitionData }] })
      assert.strictEqual(responses[0]!.partitionResponses[0]!.errorCode, 0)
    }
    const alone = await fetched(client)
    assert.isAbove(alone, 15 * MIB)
    const silent = await Promise.all(Array.from({ length: 40 }, () => broker.connect()))
    for (const other of silent) {
      other.socket.pause()
      other.send(Fetch, 12, asking)
    }
    for (let i = 0; i < 3; i++) assert.isTrue(await broker.serves())
    const beside = await fetched(client)
    assert.isAbove(beside, 0)
    assert.isBelow(beside, 3 * MIB)
    await Promise.all(silent.map((other) => other[Symbol.asyncDispose]()))
    for (let i = 0; i < 3; i++) assert.isTrue(await broker.serves())
    assert.strictEqual(await fetched(client), alone)
  })

  it("keep no large batch from the store in memory for others, which get it once there is room", async () => {
    const limits = { fetchAnswersMaxBytes: MIB, tailCacheBytes: 64 * 1024 }
    await using broker = await startBroker(limits, { store: answersLater() })
    const client = await broker.connect()
    await broker.createTopic("t", 1, { "max.message.bytes": String(16 * MIB) })
    await broker.createTopic("small")
    const stored = async (name: string, size: number) => {
      const partitionData = [{ index: 0, records: batchOf(["x".repeat(size)]) }]
      const { responses } = await client.call(Produce, 12, { acks: -1, topicData: [{ name, partitionData }] })
      assert.strictEqual(responses[0]!.partitionResponses[0]!.errorCode, 0)
    }
    // More than sockets take.
    await stored("t", 15 * MIB)
    await stored("small", 1000)
    const silent = await broker.connect()
    silent.socket.pause()
    silent.send(Fetch, 12, asking)
    const other = await broker.connect()
    // The silent one has its answer once nothing is left for others.
    while ((await fetched(other, { ...asking, maxWaitMs: 1 })) > 0);
    const topics = [{ topic: "small", partitions: [{ partition: 0, partitionMaxBytes: MIB }] }]
    assert.isAbove(await fetched(other, { ...asking, topics }), 1000)
    const waiting = fetched(other, { ...asking, maxWaitMs: 60_000 })
    for (let i = 0; i < 3; i++) assert.isTrue(await broker.serves())
    await silent[Symbol.asyncDispose]()
    assert.isAbove(await withinTime(waiting, "the batch"), 15 * MIB)
  })
})
