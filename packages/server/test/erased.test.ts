import { assert, describe, it } from "@effect/vitest"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import { Produce } from "@tusk/protocol/messages/Produce"
import { ShareFetch } from "@tusk/protocol/messages/ShareFetch"
import { ShareGroupHeartbeat } from "@tusk/protocol/messages/ShareGroupHeartbeat"
import { GZIP, LZ4 } from "@tusk/protocol/record/Compression"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as MemoryStore from "@tusk/storage/memory/MemoryStore"
import { Store } from "@tusk/storage/port/Store"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { MemoryErasures } from "../../storage/test/log/erase/MemoryErasures.ts"
import { startBroker } from "./BrokerUnderTest.ts"
import { within } from "./WireClient.ts"
import type { WireClient } from "./WireClient.ts"

const BATCHES = 6
const utf8 = new TextEncoder()

/** A broker on memory with a topic of a few batches in several codecs: each has a record of key "a", and one of key "b". */
const started = async () => {
  const erasures = new MemoryErasures(true)
  const store = Layer.effect(
    Store,
    Effect.map(Store, (memory) => Store.of({ ...memory, erasures: erasures.port }))
  ).pipe(Layer.provide(MemoryStore.layer({ maxBytes: 1 << 26 })))
  const broker = await startBroker({}, { store })
  const topicId = await broker.createTopic("t")
  const client = await broker.connect()
  for (let i = 0; i < BATCHES; i++) await produce(client, [`a=secret${i}`, `b=${i}`], i)
  const erase = async (key: string) => {
    erasures.ask(topicId, [1], key)
    await within(Effect.runPromise(erasures.allDone), "an erasure that is done")
  }
  return { broker, client, topicId, erase, erasures }
}

const produce = async (client: WireClient, records: ReadonlyArray<string>, i: number) => {
  const batch = RecordBatch.encodeBatch(
    records.map((record) => {
      const [key, value] = record.split("=") as [string, string]
      return { key: utf8.encode(key), value: utf8.encode(value) }
    }),
    { compression: [0, GZIP, LZ4][i % 3]! }
  )
  const topicData = [{ name: "t", partitionData: [{ index: 0, records: batch }] }]
  const { responses } = await client.call(Produce, 9, { acks: -1, topicData })
  assert.strictEqual(responses[0]!.partitionResponses[0]!.errorCode, 0)
}

const fetch = async (client: WireClient, version: 3 | 12, fetchOffset: bigint, minBytes = 0, maxBytes = 1) => {
  const { responses } = await client.call(Fetch, version, {
    ...{ maxWaitMs: minBytes === 0 ? 0 : 15_000, minBytes, maxBytes, sessionEpoch: -1 },
    topics: [{ topic: "t", partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: maxBytes }] }]
  })
  assert.strictEqual(responses[0]?.partitions[0]?.errorCode ?? 0, 0)
  return Buffer.concat(responses[0]?.partitions[0]?.records ?? [])
}

/** Values of batches, opened. */
const valuesOf = (records: Uint8Array): string => {
  const batches = RecordBatch.splitBatches(records)
  if (!Array.isArray(batches)) throw batches
  return batches
    .flatMap((batch: Uint8Array) => {
      const decoded = RecordBatch.decodeRecords(batch, { maxDecompressedBytes: 1 << 20 })
      return (decoded as ReadonlyArray<RecordBatch.DecodedRecord>).map(({ value }) => Buffer.from(value!).toString())
    })
    .join()
}

describe("what is erased", () => {
  it("no Fetch at any offset tells, nor one for an old client", async () => {
    const { broker, client, erase, erasures } = await started()
    await using _ = broker
    assert.include(valuesOf(await fetch(client, 12, 0n)), "secret0")
    assert.include((await fetch(client, 3, 0n, 0, 1000)).toString("latin1"), "secret0")
    await erase("a")
    assert.deepStrictEqual(erasures.done, [BATCHES])
    for (let offset = 0n; offset < BATCHES * 2; offset++) {
      const found = valuesOf(await fetch(client, 12, offset))
      assert.strictEqual(found, String(offset / 2n))
    }
    for (let offset = 0n; offset < BATCHES * 2; offset += 6n) {
      const old = (await fetch(client, 3, offset, 0, 100)).toString("latin1")
      assert.notInclude(old, "secret")
    }
  })

  it("a long poll that has waited meanwhile does not tell", async () => {
    const { broker, client, erase } = await started()
    await using _ = broker
    const waiting = await broker.connect()
    const all = (await fetch(client, 12, 0n, 0, 1 << 20)).byteLength
    // More than there is: it waits.
    const polled = fetch(waiting, 12, 0n, all + 100, 1 << 20)
    await erase("a")
    for (let i = 0; i < 20; i++) await produce(client, ["b=later"], 0)
    const found = valuesOf(await within(polled, "the poll's answer"))
    assert.include(found, "later")
    assert.notInclude(found, "secret")
  })

  it("a share group is not given, also what was given out before and came back", async () => {
    const { broker, client, erase, topicId } = await started()
    await using _ = broker
    const config = { name: "share.auto.offset.reset", value: "earliest", configOperation: 0 }
    await client.call(IncrementalAlterConfigs, 1, {
      resources: [{ resourceType: 32, resourceName: "queue", configs: [config] }]
    })
    const memberId = "AAAAAAAAAAAAAAAAAAAAAQ"
    await client.call(ShareGroupHeartbeat, 1, {
      ...{ groupId: "queue", memberId, memberEpoch: 0, subscribedTopicNames: ["t"] }
    })
    let shareSessionEpoch = 0
    const take = async (release: boolean) => {
      const acknowledgementBatches = release
        ? [{ firstOffset: 0n, lastOffset: BigInt(BATCHES * 2 - 1), acknowledgeTypes: [2] }]
        : []
      const { errorCode, responses } = await client.call(ShareFetch, 1, {
        ...{ groupId: "queue", memberId, shareSessionEpoch: shareSessionEpoch++, maxWaitMs: 5000, minBytes: 1 },
        ...{ maxBytes: 1 << 20, maxRecords: 500, batchSize: 500 },
        topics: [{ topicId, partitions: [{ partitionIndex: 0, acknowledgementBatches }] }]
      })
      assert.strictEqual(errorCode, 0)
      return valuesOf(Buffer.concat(responses[0]?.partitions[0]?.records ?? []))
    }
    assert.include(await take(false), "secret0")
    await erase("a")
    const again = await take(true)
    assert.strictEqual(again, Array.from({ length: BATCHES }, (_, i) => String(i)).join())
  })
})
