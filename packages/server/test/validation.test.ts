import { assert, describe, it } from "@effect/vitest"
import { DescribeConfigs } from "@tusk/protocol/messages/DescribeConfigs"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { Produce } from "@tusk/protocol/messages/Produce"
import { decodeResponse } from "@tusk/protocol/Decode"
import { CODEC_NAMES, compress, GZIP, SNAPPY, ZSTD } from "@tusk/protocol/record/Compression"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { makeSignal } from "@tusk/storage/Signal"
import { random } from "../../protocol/test/codec/Mutation.ts"
import { around, BROKEN, DOUBTFUL, recordOf } from "../../protocol/test/record/BrokenBatches.ts"
import { BatchCodec, inlineBatchCodec } from "@tusk/storage/log/batches/BatchCodec"
import { parseSettings } from "../src/config/Settings.ts"
import { batchOf, valuesOf } from "./Batches.ts"
import { startBroker } from "./BrokerUnderTest.ts"
import type { BrokerUnderTest } from "./BrokerUnderTest.ts"
import { answersLater, newData } from "./Stores.ts"
import { requestFrame, within } from "./WireClient.ts"
import type { WireClient } from "./WireClient.ts"

const CODECS = [0, 1, 2, 3, 4]
const VERSION = 11

const asking = (name: string, records: Uint8Array, timeoutMs = 30_000) => ({
  acks: -1,
  timeoutMs,
  topicData: [{ name, partitionData: [{ index: 0, records }] }]
})

const produce = async (client: WireClient, name: string, records: Uint8Array) => {
  const { responses } = await client.call(Produce, VERSION, asking(name, records))
  return responses[0]!.partitionResponses[0]!
}

const endOf = async (client: WireClient, name: string): Promise<bigint> => {
  const { topics } = await client.call(ListOffsets, 7, {
    replicaId: -1,
    topics: [{ name, partitions: [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp: -1n }] }]
  })
  return topics[0]!.partitions[0]!.offset
}

const stored = async (client: WireClient, topic: string) => {
  const { responses } = await client.call(Fetch, 12, {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 1 << 26,
    topics: [{ topic, partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 << 26 }] }]
  })
  return valuesOf(responses[0]!.partitions[0]!.records)
}

const started = async (
  broker: BrokerUnderTest,
  configs: Readonly<Record<string, string>> = {}
): Promise<WireClient> => {
  await broker.createTopic("t", 1, configs)
  return broker.connect()
}

/** Data that no decoder takes, of each codec; and of what there is too much in. */
const UNDOABLE = (codec: number): Readonly<Record<string, Uint8Array>> => {
  const words = Array.from({ length: 3000 }, (_, i) => (i * 7919) % 10007).join(" ")
  const whole = compress(codec, recordOf({ value: words }))
  return {
    "not compressed at all": recordOf(),
    nothing: new Uint8Array(0),
    "cut short": whole.subarray(0, whole.byteLength >> 1)
  }
}

describe("what a producer sends", () => {
  it("is refused as INVALID_RECORD if its records are broken, and moves no offset", async () => {
    await using broker = await startBroker()
    const client = await started(broker)
    for (const codec of CODECS) {
      for (const [what, [count, records]] of Object.entries({ ...BROKEN, ...DOUBTFUL })) {
        const answer = await produce(client, "t", around(count, records, codec))
        assert.deepStrictEqual([answer.errorCode, answer.baseOffset], [87, -1n], `${CODEC_NAMES[codec]}, ${what}`)
        assert.deepStrictEqual(answer.recordErrors, [])
      }
      assert.strictEqual((await produce(client, "t", around(0x7fffffff, recordOf(), codec))).errorCode, 87)
      if (codec === 0) continue
      for (const [what, records] of Object.entries(UNDOABLE(codec))) {
        const { errorCode } = await produce(client, "t", around(1, records, codec, true))
        assert.strictEqual(errorCode, 87, `${CODEC_NAMES[codec]}, ${what}`)
      }
    }
    assert.strictEqual(await endOf(client, "t"), 0n)
    const last = await produce(client, "t", batchOf(["a", "b"], { compression: ZSTD }))
    assert.deepStrictEqual([last.errorCode, last.baseOffset], [0, 0n])
    assert.deepStrictEqual(await stored(client, "t"), ["a", "b"])
  })

  it("a bomb is MESSAGE_TOO_LARGE, of each codec, and others are served meanwhile", async () => {
    await using broker = await startBroker({ decompressedMaxBytes: 4 << 20 })
    const client = await started(broker)
    for (const codec of [1, 2, 3, 4]) {
      const bomb = compress(codec, new Uint8Array(16 << 20))
      const { errorCode } = await produce(client, "t", around(1, bomb, codec, true))
      assert.strictEqual(errorCode, 10, CODEC_NAMES[codec])
      assert.isTrue(await broker.serves())
    }
    assert.strictEqual(await endOf(client, "t"), 0n)
  })

  it("names the records that a compacted topic does not take", async () => {
    await using broker = await startBroker()
    const client = await started(broker, { "cleanup.policy": "compact" })
    for (const codec of CODECS) {
      const { errorCode, recordErrors } = await produce(client, "t", batchOf(["a", "b"], { compression: codec }))
      assert.strictEqual(errorCode, 87, CODEC_NAMES[codec])
      assert.deepStrictEqual(
        recordErrors.map(({ batchIndex }) => batchIndex),
        [0, 1]
      )
    }
  })

  it("is not opened if the topic, or the broker, says tusk.validate.records=false", async () => {
    const garbage = () => around(1, BROKEN["garbage"]![1], 1)
    await using broker = await startBroker()
    const client = await started(broker, { "tusk.validate.records": "false" })
    assert.strictEqual((await produce(client, "t", garbage())).errorCode, 0)
    const alter = {
      resources: [
        { resourceType: 2, resourceName: "t", configs: [{ name: "tusk.validate.records", configOperation: 1 }] }
      ]
    }
    assert.strictEqual((await client.call(IncrementalAlterConfigs, 1, alter)).responses[0]!.errorCode, 0)
    assert.strictEqual((await produce(client, "t", garbage())).errorCode, 87)

    const given = [{ name: "tusk.validate.records", value: "false", origin: "test" }]
    await using lax = await startBroker(Result.getOrThrow(parseSettings(given)).settings)
    const other = await started(lax)
    assert.strictEqual((await produce(other, "t", garbage())).errorCode, 0)
    const { results } = await other.call(DescribeConfigs, 4, {
      resources: [{ resourceType: 2, resourceName: "t", configurationKeys: ["tusk.validate.records"] }]
    })
    const [config] = results[0]!.configs
    assert.deepStrictEqual([config!.value, config!.configSource], ["false", 4])
  })
})

/** A codec that works only on batches that it was told to: each open one is known by the bytes of its records. */
const heldCodec = (atATime: number) => {
  const working = new Map<number, Deferred.Deferred<void>>()
  const changed = makeSignal()
  let isReleased = false
  const codec: BatchCodec = {
    ...inlineBatchCodec,
    atATime,
    decompress: (codec, data, limits) =>
      Effect.gen(function* () {
        if (isReleased) return yield* inlineBatchCodec.decompress(codec, data, limits)
        const held = Deferred.makeUnsafe<void>()
        working.set(data.byteLength, held)
        changed.notify()
        yield* Deferred.await(held)
        working.delete(data.byteLength)
        return yield* inlineBatchCodec.decompress(codec, data, limits)
      })
  }
  return {
    codec,
    working: () => working.size,
    /** Returns once so many are open. */
    open: (count: number) => within(Effect.runPromise(changed.until(() => working.size >= count)), `${count} open`),
    finish: (bytes: number) => Effect.runPromise(Deferred.succeed(working.get(bytes)!, undefined)),
    /** Nothing is held any more. */
    release: () => {
      isReleased = true
      for (const held of working.values()) Effect.runSync(Deferred.succeed(held, undefined))
    }
  }
}

/** Text that does not shrink much. */
const noise = (seed: number, words: number): string =>
  Array.from({ length: words }, (_, i) => ((i * 7919 + seed) % 10007).toString(36)).join()

const inside = (batch: Uint8Array): number => batch.byteLength - 61

/** Sends Produces in one piece, and takes their answers. */
const pipelined = (client: WireClient, batches: ReadonlyArray<Uint8Array>) => {
  const frames = batches.map((batch, id) => requestFrame(Produce, VERSION, asking("t", batch), id))
  client.sendBytes(Buffer.concat(frames))
  return Promise.all(
    batches.map(async (_, id) => {
      const frame = await within(client.frame(), `answer ${id}`)
      const { body, correlationId } = Result.getOrThrow(decodeResponse(Produce, VERSION, frame))
      assert.strictEqual(correlationId, id)
      const { baseOffset, errorCode } = body.responses[0]!.partitionResponses[0]!
      assert.strictEqual(errorCode, 0)
      return baseOffset
    })
  )
}

/** An idempotent producer's batches: they are taken in this order or not at all. */
const sequence = (sizes: ReadonlyArray<number>, compression: (i: number) => number) =>
  sizes.map((size, i) =>
    batchOf([`${i}${"x".repeat(size)}`], {
      compression: compression(i),
      producerId: 5n,
      producerEpoch: 0,
      baseSequence: i
    })
  )

describe("requests of one connection", () => {
  it("are opened side by side, and take their places in order of arrival, whichever is done first", async () => {
    const held = heldCodec(8)
    const store = Layer.merge(answersLater(newData()), Layer.succeed(BatchCodec, held.codec))
    await using broker = await startBroker({}, { store })
    const client = await started(broker)
    // The third lies open, and is ready at once.
    const batches = sequence([300_000, 200_000, 5, 400_000], (i) => (i === 2 ? 0 : 3))
    const answered = pipelined(client, batches)
    await held.open(3)
    for (const i of [3, 1, 0]) await held.finish(inside(batches[i]!))
    assert.deepStrictEqual(await answered, [0n, 1n, 2n, 3n])
  })

  it("as many as tusk.max.in.flight.requests.per.connection, and over all connections as many as there are cores", async () => {
    const held = heldCodec(3)
    const store = Layer.merge(answersLater(newData()), Layer.succeed(BatchCodec, held.codec))
    await using broker = await startBroker({ maxInFlightRequestsPerConnection: 2 }, { store })
    const [one, two] = [await started(broker), await broker.connect()]
    const packed = [0, 1, 2, 3, 4, 5].map((i) => batchOf([noise(i, 50_000 + 1000 * i)], { compression: SNAPPY }))
    const first = pipelined(one, packed.slice(0, 3))
    await held.open(2)
    assert.strictEqual(held.working(), 2)
    const second = pipelined(two, packed.slice(3))
    await held.open(3)
    assert.isTrue(await broker.serves())
    assert.strictEqual(held.working(), 3)
    held.release()
    await Promise.all([first, second])
    assert.strictEqual(held.working(), 0)
  })

  it("any mix of codecs and sizes, cut anywhere: in order, each taken once", async () => {
    await using broker = await startBroker({}, { store: answersLater() })
    const client = await started(broker)
    const below = random(11)
    const sizes = Array.from({ length: 120 }, () => (below(8) === 0 ? below(600_000) : below(3000)))
    const batches = sequence(sizes, () => below(5))
    const offsets: Array<bigint> = []
    for (let from = 0; from < batches.length; from += 12) {
      offsets.push(...(await pipelined(client, batches.slice(from, from + 12))))
    }
    assert.deepStrictEqual(
      offsets,
      offsets.map((_, i) => BigInt(i))
    )
    const values = await stored(client, "t")
    assert.deepStrictEqual(
      values.map((value) => value.replace(/x+$/, "")),
      values.map((_, i) => `${i}`)
    )
  })

  it("are left unread while more waits to be opened than tusk.commit.queue.max.bytes", async () => {
    const held = heldCodec(8)
    const store = Layer.merge(answersLater(newData()), Layer.succeed(BatchCodec, held.codec))
    await using broker = await startBroker({ commitQueueMaxBytes: 1024 }, { store })
    const client = await started(broker)
    const batches = [1, 2, 3, 4].map((seed) => batchOf([noise(seed, 100_000)], { compression: GZIP }))
    const answered = pipelined(client, batches)
    await held.open(2)
    assert.isTrue(await broker.serves())
    // The second one came when there was too much: what is behind it waits for both.
    assert.strictEqual(held.working(), 2)
    held.release()
    assert.deepStrictEqual(await answered, [0n, 1n, 2n, 3n])
  })
})
