/** Answers to fetches that nobody reads are bounded together, and others are served. */
import { assert, describe, it } from "@effect/vitest"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { Produce } from "@tusk/protocol/messages/Produce"
import { AnswerBudget } from "@tusk/server/AnswerBudget"
import { BrokerSettings } from "@tusk/server/BrokerSettings"
import { defaultSettings } from "@tusk/server/Settings"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { batchOf } from "./Batches.ts"
import { startBroker } from "./BrokerUnderTest.ts"
import type { WireClient } from "./WireClient.ts"

const MIB = 1024 * 1024
const BATCHES = 48

const asking = {
  maxWaitMs: 0,
  minBytes: 1,
  maxBytes: 50 * MIB,
  sessionEpoch: -1,
  topics: [{ topic: "t", partitions: [{ partition: 0, partitionMaxBytes: 50 * MIB }] }]
}
const fetched = async (client: WireClient): Promise<number> => {
  const { responses } = await client.call(Fetch, 12, asking)
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

  it("gives a part of what is free, and a little where nothing is", () =>
    within(({ claim, held }) => {
      const connections = Array.from({ length: 100 }, () => ({ answered: undefined }))
      const given = connections.map((connection) => claim(connection).take(50 * MIB))
      assert.deepStrictEqual(given.slice(0, 3), [4 * MIB, 3 * MIB, 2.25 * MIB])
      assert.strictEqual(given.at(-1), 64 * 1024)
      assert.isBelow(held(), 16 * MIB + 100 * 64 * 1024)
      assert.strictEqual(claim({ answered: undefined }).take(1000), 1000)
    }))

  it("counts what an answer has, from when it is read to when it is written", () =>
    within(({ claim, held }) => {
      const connection: { answered: (() => void) | undefined } = { answered: undefined }
      const own = claim(connection)
      own.take(50 * MIB)
      own.keep(10)
      assert.strictEqual(held(), 10)
      own.release()
      assert.strictEqual(held(), 0)
      assert.strictEqual(own.take(50 * MIB), 4 * MIB)
      assert.strictEqual(own.take(50 * MIB), 4 * MIB, "a second look of the same request counts once")
      connection.answered!()
      assert.strictEqual(held(), 0)
    }))
})

describe("where nothing is free", () => {
  it.effect("who comes waits until something is, or for a moment", () =>
    Effect.gen(function* () {
      const { claim, held, room } = yield* AnswerBudget
      const connection: { answered: (() => void) | undefined } = { answered: undefined }
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
})
