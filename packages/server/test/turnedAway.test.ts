/** Produces that are refused before they have their places: those behind them must not be taken for a producer's first. */
import { assert, describe, it } from "@effect/vitest"
import { decodeResponse } from "@tusk/protocol/Decode"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { Produce } from "@tusk/protocol/messages/Produce"
import { Committer } from "@tusk/storage/commit/Committer"
import { BatchCodec, inlineBatchCodec } from "@tusk/storage/log/batches/BatchCodec"
import { makeSignal } from "@tusk/storage/Signal"
import { GZIP, UNCOMPRESSED } from "@tusk/protocol/record/Compression"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { TestClock } from "effect/testing"
import { Placement } from "../src/request/Placement.ts"
import { batchOf, valuesOf } from "./Batches.ts"
import { brokerInTestTime, startBroker } from "./BrokerUnderTest.ts"
import type { BrokerUnderTest } from "./BrokerUnderTest.ts"
import { ServingInTest } from "./ServingInTest.ts"
import { answersLater } from "./Stores.ts"
import { requestFrame, within } from "./WireClient.ts"
import type { WireClient } from "./WireClient.ts"

const [CORRUPT_MESSAGE, NOT_LEADER, REQUEST_TIMED_OUT, MESSAGE_TOO_LARGE] = [2, 6, 7, 10]
const [OUT_OF_ORDER, INVALID_TIMESTAMP] = [45, 32]
const VERSION = 12

/** The batch of a new producer with this sequence. */
const batch = (baseSequence: number, values: ReadonlyArray<string> = [`${baseSequence}`], compression = 0) =>
  batchOf(values, { producerId: 7n, producerEpoch: 0, baseSequence, compression, timestamp: 0n })

/** As a wire may leave it. */
const corrupt = (batch: Uint8Array): Uint8Array => {
  batch[batch.byteLength - 1]! ^= 1
  return batch
}

const asking = (records: Uint8Array, { acks = -1, timeoutMs = 1000 } = {}) => ({
  acks,
  timeoutMs,
  topicData: [{ name: "t", partitionData: [{ index: 0, records }] }]
})
const frameOf = (records: Uint8Array, options?: { readonly acks?: number; readonly timeoutMs?: number }) =>
  requestFrame(Produce, VERSION, asking(records, options))
const codeIn = async (client: WireClient): Promise<number> => {
  const { body } = Result.getOrThrow(decodeResponse(Produce, VERSION, await client.frame()))
  return body.responses[0]!.partitionResponses[0]!.errorCode
}
const produce = async (client: WireClient, records: Uint8Array): Promise<number> => {
  client.sendBytes(frameOf(records))
  return codeIn(client)
}

/** The second batch is none until the first one is there. */
const assertBarred = async (broker: BrokerUnderTest, second = batch(1), first = batch(0)) => {
  const client = await broker.connect()
  assert.strictEqual(await produce(client, second), OUT_OF_ORDER)
  assert.deepStrictEqual([await produce(client, first), await produce(client, second)], [0, 0])
}

/** Says whether there is room for a Produce, and how many wait for it. */
const makeRoom = () => {
  const changed = makeSignal()
  let hasRoom = false
  let waiting = 0
  const wait = Effect.suspend(() => {
    waiting++
    changed.notify()
    const left = Effect.sync(() => {
      waiting--
      changed.notify()
    })
    return Effect.ensuring(
      changed.until(() => hasRoom),
      left
    )
  })
  const committer = Layer.effect(
    Committer,
    Effect.map(Committer, (committer) => Committer.of({ ...committer, hasRoom: () => hasRoom, room: () => wait }))
  ).pipe(Layer.provide(Committer.layer))
  return {
    committer,
    waiting: (count: number) => changed.until(() => waiting === count),
    give: () => {
      hasRoom = true
      changed.notify()
    }
  }
}

describe("a producer's first batch that is refused before it has its place bars those behind it", () => {
  it.effect("if there is no room in time", () =>
    Effect.gen(function* () {
      const room = makeRoom()
      const broker = yield* brokerInTestTime({}, { parts: { committer: room.committer } })
      yield* Effect.promise(() => broker.createTopic("t"))
      const client = yield* Effect.promise(() => broker.connect())
      client.sendBytes(frameOf(batch(0)))
      yield* room.waiting(1)
      yield* TestClock.adjust("31 seconds")
      assert.strictEqual(yield* Effect.promise(() => codeIn(client)), REQUEST_TIMED_OUT)
      room.give()
      yield* Effect.promise(() => assertBarred(broker))
    })
  )

  it.effect("if its client has gone before there is room: then it is not done", () =>
    Effect.gen(function* () {
      const room = makeRoom()
      const broker = yield* brokerInTestTime({}, { parts: { committer: room.committer } })
      yield* Effect.promise(() => broker.createTopic("t"))
      const client = yield* Effect.promise(() => broker.connect())
      client.sendBytes(frameOf(batch(0)))
      yield* room.waiting(1)
      client.socket.destroy()
      yield* room.waiting(0)
      room.give()
      yield* Effect.promise(() => assertBarred(broker))
    })
  )

  it.effect("if the broker does not serve in time, and if its client has gone meanwhile", () =>
    Effect.gen(function* () {
      for (const goes of [false, true]) {
        const serving = new ServingInTest()
        const broker = yield* brokerInTestTime({}, { parts: { active: serving.active } })
        yield* Effect.promise(() => broker.createTopic("t"))
        const client = yield* Effect.promise(() => broker.connect())
        serving.set(false)
        client.sendBytes(frameOf(batch(0)))
        yield* serving.waiting(1)
        if (goes) {
          client.socket.destroy()
          yield* serving.waitingNoMore
        } else {
          yield* TestClock.adjust("31 seconds")
          assert.strictEqual(yield* Effect.promise(() => codeIn(client)), REQUEST_TIMED_OUT)
        }
        serving.set(true)
        yield* Effect.promise(() => assertBarred(broker))
      }
    })
  )

  it.effect("if it is not opened in time, and one behind it has its turn", () =>
    Effect.gen(function* () {
      const changed = makeSignal()
      let isHeld = false
      let isReleased = false
      const held = Effect.suspend(() => {
        isHeld = true
        changed.notify()
        return changed.until(() => isReleased)
      })
      const codec: BatchCodec = {
        ...inlineBatchCodec,
        atATime: 1,
        decompress: (...batch) => Effect.andThen(held, inlineBatchCodec.decompress(...batch))
      }
      const store = Layer.merge(answersLater(), Layer.succeed(BatchCodec, codec))
      const broker = yield* brokerInTestTime({}, { store })
      const release = Effect.sync(() => {
        isReleased = true
        changed.notify()
      })
      yield* Effect.addFinalizer(() => release)
      yield* Effect.promise(() => broker.createTopic("t", 1, { "compression.type": "gzip" }))
      const [other, client] = yield* Effect.promise(() => Promise.all([broker.connect(), broker.connect()]))
      other.sendBytes(frameOf(batchOf(["other"], { timestamp: 0n }), { timeoutMs: 30_000 }))
      yield* changed.until(() => isHeld)
      // The second is as its topic wants it, and waits for nothing but its place.
      const second = batch(1, ["1"], 1)
      client.sendBytes(Buffer.concat([frameOf(batch(0)), frameOf(second, { timeoutMs: 5000 })]))
      yield* Effect.promise(() => broker.serves())
      yield* TestClock.adjust("1 second")
      const codes = yield* Effect.promise(async () => [await codeIn(client), await codeIn(client)])
      assert.deepStrictEqual(codes, [REQUEST_TIMED_OUT, OUT_OF_ORDER])
      yield* release
      yield* Effect.promise(() => assertBarred(broker, second))
    })
  )

  it("if its checksum is wrong, and it is sent again", async () => {
    await using broker = await startBroker()
    await broker.createTopic("t")
    const client = await broker.connect()
    assert.strictEqual(await produce(client, corrupt(batch(0))), CORRUPT_MESSAGE)
    await assertBarred(broker)
  })

  it("if it is too large, and comes again in parts", async () => {
    await using broker = await startBroker()
    await broker.createTopic("t", 1, { "max.message.bytes": "300", "compression.type": "uncompressed" })
    const client = await broker.connect()
    const values = ["x".repeat(200), "x".repeat(200)]
    // As it is sent, and as its topic keeps it.
    for (const compression of [UNCOMPRESSED, GZIP]) {
      const sequence = 10 * compression
      const producerId = BigInt(compression)
      const of = (baseSequence: number, values: ReadonlyArray<string>, compression = 0) =>
        batchOf(values, { producerId, producerEpoch: 0, baseSequence, compression, timestamp: 0n })
      assert.strictEqual(await produce(client, of(sequence, values, compression)), MESSAGE_TOO_LARGE)
      await assertBarred(broker, of(sequence + 1, ["second"]), of(sequence, ["first"]))
    }
  })

  it("if its partition is led elsewhere for the time being", async () => {
    let leader = 2
    const placement = Layer.effect(
      Placement,
      Effect.map(Placement, (placement) => Placement.of({ ...placement, leaderOf: () => leader }))
    ).pipe(Layer.provide(Placement.layer))
    await using broker = await startBroker({}, { parts: { placement } })
    await broker.createTopic("t")
    const client = await broker.connect()
    assert.strictEqual(await produce(client, batch(0)), NOT_LEADER)
    leader = 1
    await assertBarred(broker)
  })
})

describe("a batch that is turned away", () => {
  it("bars no other if it is refused for good", async () => {
    await using broker = await startBroker()
    await broker.createTopic("t", 1, { "max.message.bytes": "300" })
    const client = await broker.connect()
    const alone = batch(0, ["x".repeat(400)])
    assert.strictEqual(await produce(client, alone), MESSAGE_TOO_LARGE)
    assert.strictEqual(await produce(client, batch(1)), 0)
    const stamped = batchOf(["a"], {
      producerId: 8n,
      producerEpoch: 0,
      baseSequence: 0,
      timestampType: "LogAppendTime"
    })
    assert.strictEqual(await produce(client, stamped), INVALID_TIMESTAMP)
    const next = batchOf(["b"], { producerId: 8n, producerEpoch: 0, baseSequence: 1 })
    assert.strictEqual(await produce(client, next), 0)
  })

  it("bars no other if it came again, and is stored already", async () => {
    await using broker = await startBroker()
    await broker.createTopic("t")
    const client = await broker.connect()
    assert.strictEqual(await produce(client, batch(0)), 0)
    assert.strictEqual(await produce(client, corrupt(batch(0))), CORRUPT_MESSAGE)
    assert.strictEqual(await produce(client, batch(1)), 0)
  })

  it.effect("is never one that waits for room and for no answer", () =>
    Effect.gen(function* () {
      const room = makeRoom()
      const broker = yield* brokerInTestTime({}, { parts: { committer: room.committer } })
      yield* Effect.promise(() => broker.createTopic("t"))
      const [client, consumer] = yield* Effect.promise(() => Promise.all([broker.connect(), broker.connect()]))
      client.sendBytes(frameOf(batchOf(["last"], { timestamp: 0n }), { acks: 0 }))
      yield* room.waiting(1)
      client.socket.end()
      yield* Effect.promise(() => broker.serves())
      room.give()
      const topics = [{ topic: "t", partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }] }]
      const fetched = yield* Effect.promise(() =>
        within(consumer.call(Fetch, 12, { maxWaitMs: 30_000, minBytes: 1, maxBytes: 1000, topics }), "the last")
      )
      assert.deepStrictEqual(valuesOf(fetched.responses[0]!.partitions[0]!.records), ["last"])
    })
  )
})
