import { assert, describe, it } from "@effect/vitest"
import { decodeResponse } from "@tusk/protocol/Decode"
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { Heartbeat } from "@tusk/protocol/messages/Heartbeat"
import { JoinGroup } from "@tusk/protocol/messages/JoinGroup"
import { ListGroups } from "@tusk/protocol/messages/ListGroups"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { Produce } from "@tusk/protocol/messages/Produce"
import { SyncGroup } from "@tusk/protocol/messages/SyncGroup"
import { make, MemoryData } from "@tusk/storage/memory/MemoryStore"
import { Store } from "@tusk/storage/port/Store"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { batchOf } from "../Batches.ts"
import { brokerInTestTime, pass, servesAgain, startBroker } from "../BrokerUnderTest.ts"
import type { BrokerUnderTest } from "../BrokerUnderTest.ts"
import { Closed, requestFrame, within } from "../WireClient.ts"

const longPoll = (topic: string, maxWaitMs: number) => ({
  maxWaitMs,
  minBytes: 1,
  maxBytes: 1 << 20,
  sessionEpoch: -1,
  topics: [{ topic, partitions: [{ partition: 0, partitionMaxBytes: 1 << 20 }] }]
})
const producing = (name: string, batch: Uint8Array) => ({
  acks: -1,
  topicData: [{ name, partitionData: [{ index: 0, records: batch }] }]
})
const connect = (broker: BrokerUnderTest) => Effect.promise(() => broker.connect())

describe("pipelining", () => {
  it("answers of every kind leave in the order of their requests", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await broker.createTopic("t")
    await broker.createTopic("empty")
    const kinds = [
      (id: number) => [Produce, 12, requestFrame(Produce, 12, producing("t", batchOf(["a"])), id)] as const,
      (id: number) => [Metadata, 12, requestFrame(Metadata, 12, { topics: null }, id)] as const,
      (id: number) => [Produce, 3, requestFrame(Produce, 3, producing("t", batchOf(["b"])), id)] as const,
      (id: number) => [Fetch, 12, requestFrame(Fetch, 12, longPoll("empty", 20), id)] as const,
      (id: number) => [Heartbeat, 4, requestFrame(Heartbeat, 4, { groupId: "g", memberId: "m" }, id)] as const,
      (id: number) => [Produce, 9, requestFrame(Produce, 9, producing("t", batchOf(["c"])), id)] as const,
      (id: number) => [ListGroups, 5, requestFrame(ListGroups, 5, {}, id)] as const,
      (id: number) => [ApiVersions, 0, requestFrame(ApiVersions, 0, {}, id)] as const
    ]
    const sent = Array.from({ length: 80 }, (_, id) => kinds[(id * 7) % kinds.length]!(id))
    client.sendBytes(Buffer.concat(sent.map(([, , frame]) => frame)))
    for (let id = 0; id < sent.length; id++) {
      const [api, version] = sent[id]!
      const answer = Result.getOrThrow(decodeResponse<any, any>(api as any, version, await client.frame()))
      assert.strictEqual(answer.correlationId, id)
    }
  })

  it("a frame may come a byte at a time, or with its neighbours in one piece", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    const frame = requestFrame(Metadata, 12, { topics: [] }, 1)
    for (const byte of frame) {
      client.sendBytes(Buffer.of(byte))
      // Each byte in a packet of its own, as far as the system lets it be.
      await new Promise(setImmediate)
    }
    assert.strictEqual((await client.frame()).readInt32BE(0), 1)
    const three = Buffer.concat([2, 3, 4].map((id) => requestFrame(Metadata, 12, { topics: [] }, id)))
    client.sendBytes(three.subarray(0, 50))
    client.sendBytes(three.subarray(50))
    for (const id of [2, 3, 4]) assert.strictEqual((await client.frame()).readInt32BE(0), id)
  })
})

describe("time limits", () => {
  const whole = requestFrame(Metadata, 12, { topics: [] })
  const half = whole.subarray(0, 20)
  // In test time it is 1970.
  const megabyte = batchOf(["x".repeat(1_000_000)], { timestamp: 0n })

  it.effect("a request begun and not finished in 30 s closes the connection, with a line in the log", () =>
    Effect.gen(function* () {
      const broker = yield* brokerInTestTime()
      const [client, other] = [yield* connect(broker), yield* connect(broker)]
      client.sendBytes(Buffer.concat([whole, half]))
      yield* Effect.promise(() => client.frame())
      yield* pass(broker, 29)
      assert.isFalse(client.isClosed)
      yield* pass(broker, 3)
      yield* Effect.promise(() => within(client.closed, "the end of the half request"))
      assert.lengthOf(broker.log, 1)
      assert.include(broker.log[0]!.text, "not finished")
      yield* Effect.promise(() => other.call(Metadata, 12, { topics: [] }))
    })
  )

  it.effect("a stream of requests in pieces that never end with a request may go on for ever", () =>
    Effect.gen(function* () {
      const broker = yield* brokerInTestTime()
      const client = yield* connect(broker)
      client.sendBytes(half)
      for (let second = 0; second < 70; second++) {
        client.sendBytes(Buffer.concat([whole.subarray(half.length), half]))
        yield* Effect.promise(() => client.frame())
        yield* pass(broker, 1)
      }
      assert.isFalse(client.isClosed)
    })
  )

  it.effect("the time in which the broker itself is busy does not count", () =>
    Effect.gen(function* () {
      const broker = yield* brokerInTestTime()
      const client = yield* connect(broker)
      yield* Effect.promise(() => broker.createTopic("t"))
      client.sendBytes(Buffer.concat([whole, requestFrame(Fetch, 12, longPoll("t", 50_000)), half]))
      yield* Effect.promise(() => client.frame())
      yield* pass(broker, 52)
      yield* Effect.promise(() => client.frame())
      client.sendBytes(whole.subarray(half.length))
      yield* Effect.promise(() => client.frame())
    })
  )

  it.effect("an idle connection is closed after connections.max.idle.ms, one that waits is not", () =>
    Effect.gen(function* () {
      const broker = yield* brokerInTestTime({ connectionsMaxIdleMs: 5000 })
      yield* Effect.promise(() => broker.createTopic("t"))
      const [idle, busy, waiting] = [yield* connect(broker), yield* connect(broker), yield* connect(broker)]
      const polled = waiting.call(Fetch, 12, longPoll("t", 12_000))
      yield* Effect.promise(() => idle.call(Metadata, 12, { topics: [] }))
      for (let second = 0; second < 10; second++) {
        if (second === 4) assert.isFalse(idle.isClosed)
        yield* Effect.promise(() => busy.call(Metadata, 12, { topics: [] }))
        yield* pass(broker, 1)
      }
      yield* Effect.promise(() => within(idle.closed, "the end of the idle connection"))
      assert.isFalse(busy.isClosed)
      yield* pass(broker, 4)
      yield* Effect.promise(() => polled)
    })
  )

  it.effect("a client that takes none of its answers for 60 s is cut off, with a line in the log", () =>
    Effect.gen(function* () {
      const broker = yield* brokerInTestTime()
      yield* Effect.promise(() => broker.createTopic("t"))
      const [producer, slow] = [yield* connect(broker), yield* connect(broker)]
      for (let i = 0; i < 20; i++) {
        yield* Effect.promise(() => producer.call(Produce, 12, producing("t", megabyte)))
      }
      slow.socket.pause()
      const all = { ...longPoll("t", 0), maxBytes: 1 << 26 }
      const topics = [{ topic: "t", partitions: [{ partition: 0, partitionMaxBytes: 1 << 26 }] }]
      slow.send(Fetch, 12, { ...all, topics })
      yield* pass(broker, 59)
      assert.deepStrictEqual(broker.log, [])
      yield* pass(broker, 4)
      assert.lengthOf(broker.log, 1)
      assert.include(broker.log[0]!.text, "took none")
      slow.socket.resume()
      yield* Effect.promise(() => within(slow.closed, "the end of the slow reader"))
      assert.deepStrictEqual(slow.frames, [])
    })
  )

  it.effect("a client that takes a large answer slowly gets all of it", () =>
    Effect.gen(function* () {
      const broker = yield* brokerInTestTime({ fetchAnswersMaxBytes: 1 << 27 })
      yield* Effect.promise(() => broker.createTopic("t"))
      const [producer, slow] = [yield* connect(broker), yield* connect(broker)]
      for (let i = 0; i < 30; i++) {
        yield* Effect.promise(() => producer.call(Produce, 12, producing("t", megabyte)))
      }
      slow.socket.pause()
      const topics = [{ topic: "t", partitions: [{ partition: 0, partitionMaxBytes: 1 << 26 }] }]
      slow.send(Fetch, 12, { ...longPoll("t", 0), maxBytes: 1 << 26, topics })
      const seconds = 240
      for (let second = 0; second < seconds; second += 30) {
        yield* pass(broker, 30)
        const wanted = slow.socket.bytesRead + 4_000_000
        slow.socket.resume()
        yield* Effect.promise(() => slow.until(() => slow.socket.bytesRead >= wanted || slow.frames.length > 0))
        if (second + 30 < seconds) slow.socket.pause()
      }
      const { length } = yield* Effect.promise(() => slow.frame())
      assert.isAbove(length, 20_000_000)
      assert.deepStrictEqual(broker.log, [])
    })
  )
})

describe("connection limits", () => {
  it.each(["maxConnections", "maxConnectionsPerIp"] as const)("%s: one more is closed at once", async (limit) => {
    await using broker = await startBroker({ [limit]: 2 })
    const clients = [await broker.connect(), await broker.connect()]
    for (const client of clients) await client.call(Metadata, 12, { topics: [] })
    const third = await broker.connect()
    await within(third.closed, "a refusal")
    for (const client of clients) await client.call(Metadata, 12, { topics: [] })
    clients[0]!.socket.destroy()
    await servesAgain(broker)
    assert.deepStrictEqual(
      broker.log.filter(({ level }) => level === "Error"),
      []
    )
  })
})

describe("a client that goes away", () => {
  it.each(["end", "destroy", "resetAndDestroy"] as const)(
    "%s during a long poll: it is noticed at once",
    async (how) => {
      await using broker = await startBroker({ maxConnections: 1 })
      const client = await broker.connect()
      // The answer tells that the poll behind it has been read.
      client.sendBytes(
        Buffer.concat([
          requestFrame(Metadata, 12, { topics: [{ name: "t" }], allowAutoTopicCreation: true }),
          requestFrame(Fetch, 12, longPoll("t", 0x7fffffff))
        ])
      )
      await client.frame()
      client.socket[how]()
      await servesAgain(broker)
      assert.deepStrictEqual(broker.log, [])
    }
  )

  it("during JoinGroup: the others go on", async () => {
    await using broker = await startBroker()
    const [stays, goes] = [await broker.connect(), await broker.connect()]
    const joining = {
      groupId: "g",
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      protocolType: "consumer",
      protocols: [{ name: "range", metadata: new Uint8Array(1) }]
    }
    const { generationId, memberId } = await stays.call(JoinGroup, 2, joining)
    await stays.call(SyncGroup, 2, { groupId: "g", generationId, memberId })
    const lost = goes.call(JoinGroup, 2, joining).catch((error: unknown) => error)
    const beat = { groupId: "g", generationId, memberId }
    const settled = async () => {
      while ((await stays.call(Heartbeat, 2, beat)).errorCode === 0);
    }
    await within(settled(), "the rebalance")
    goes.socket.destroy()
    assert.instanceOf(await lost, Closed)
    const again = await stays.call(JoinGroup, 2, { ...joining, memberId })
    assert.deepStrictEqual([again.errorCode, again.generationId, again.members.length], [0, 2, 2])
    assert.strictEqual((await stays.call(SyncGroup, 2, { ...beat, generationId: 2 })).errorCode, 0)
    assert.deepStrictEqual(broker.log, [])
  })

  it("having sent all it wanted: what it asked for is done", async () => {
    await using broker = await startBroker()
    await broker.createTopic("t")
    const client = await broker.connect()
    const values = Array.from({ length: 20 }, (_, i) => `${i}`)
    client.sendBytes(Buffer.concat(values.map((value) => requestFrame(Produce, 12, producing("t", batchOf([value]))))))
    client.socket.end()
    await within(client.closed, "the end")
    const reader = await broker.connect()
    const { responses } = await reader.call(Fetch, 12, { ...longPoll("t", 0), minBytes: 0 })
    assert.strictEqual(responses[0]!.partitions[0]!.highWatermark, 20n)
  })
})

describe("a graceful stop", () => {
  it("closes idle connections at once, and lets no new one in", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await client.call(Metadata, 12, { topics: [] })
    await within(broker.stop(), "the stop")
    await within(client.closed, "the end")
    const refused = await broker.connect().catch((error: unknown) => error)
    assert.strictEqual((refused as NodeJS.ErrnoException).code, "ECONNREFUSED")
  })

  it("answers a long poll", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    await client.call(Metadata, 12, { topics: [{ name: "t" }], allowAutoTopicCreation: true })
    const polled = client.call(Fetch, 12, longPoll("t", 60_000))
    assert.isTrue(await broker.serves())
    const stopped = broker.stop()
    assert.strictEqual((await polled).responses[0]!.partitions[0]!.errorCode, 0)
    await within(client.closed, "the end")
    await within(stopped, "the stop")
  })

  it("waits for the commit of a Produce, and answers it", async () => {
    const memory = make(new MemoryData("cluster"), { maxBytes: 1 << 24 })
    const gate = Latch.makeUnsafe(true)
    const began = Deferred.makeUnsafe<void>()
    const commit: (typeof memory)["commit"] = (units) => {
      const isAppend = units.some((unit) => unit.some(({ _tag }) => _tag === "Append"))
      if (!isAppend) return memory.commit(units)
      return Deferred.succeed(began, undefined).pipe(Effect.andThen(gate.await), Effect.andThen(memory.commit(units)))
    }
    const store = Layer.succeed(Store, Store.of({ ...memory, commit }))
    await using broker = await startBroker({}, { store })
    await broker.createTopic("t")
    const client = await broker.connect()
    gate.closeUnsafe()
    const produced = [0, 1, 2].map((i) => client.call(Produce, 12, producing("t", batchOf([`${i}`]))))
    await within(Effect.runPromise(Deferred.await(began)), "the commit")
    const stopped = broker.stop()
    // While it waits no new connection is let in.
    const late = await broker.connect().catch(() => undefined)
    if (late !== undefined) await within(late.closed, "a refusal")
    assert.isFalse(client.isClosed)
    gate.openUnsafe()
    const offsets = (await Promise.all(produced)).map(
      ({ responses }) => responses[0]!.partitionResponses[0]!.baseOffset
    )
    assert.deepStrictEqual(offsets, [0n, 1n, 2n])
    await within(client.closed, "the end")
    await within(stopped, "the stop")
  })
})
