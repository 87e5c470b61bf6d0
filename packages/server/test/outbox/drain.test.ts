import { assert, describe, it } from "@effect/vitest"
import { AlterConfigs } from "@tusk/protocol/messages/AlterConfigs"
import { DeleteTopics } from "@tusk/protocol/messages/DeleteTopics"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { OffsetFetch } from "@tusk/protocol/messages/OffsetFetch"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { make } from "@tusk/storage/memory/MemoryStore"
import type { Outbox, OutboxRow } from "@tusk/storage/port/Outbox"
import { ObjectStoreRefused } from "@tusk/storage/port/ObjectStore"
import { Store } from "@tusk/storage/port/Store"
import { makeSignal } from "@tusk/storage/Signal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { startBroker } from "../BrokerUnderTest.ts"
import { ObjectsUnderTest } from "../ObjectBroker.ts"
import { newData } from "../Stores.ts"
import { within } from "../WireClient.ts"
import type { WireClient } from "../WireClient.ts"

/** Memory with an outbox, in which rows are there once they are put. */
class Sql {
  readonly data = newData()
  readonly #changed = makeSignal()
  readonly #told = new Set<bigint>()
  #next = 1n

  readonly layer = Layer.sync(Store, () => {
    const memory = make(this.data, { maxBytes: 1 << 26 })
    const commit: (typeof memory)["commit"] = (units) =>
      Effect.tap(memory.commit(units), () => Effect.sync(this.#changed.notify))
    return Store.of({ ...memory, commit, outbox: this.#outbox })
  })

  /** Two rows a pass; the rest by keys. */
  get #outbox(): Outbox {
    const waiting = (except: ReadonlyArray<number>) =>
      Array.from(this.data.outbox.values()).filter(
        ({ id, partitionId }) => !this.#told.has(id) && !except.includes(partitionId)
      )
    return {
      maxKeys: 3,
      tell: () => Effect.void,
      pass: ({ except }) =>
        Effect.sync(() => {
          const rows = waiting(except)
          return { snapshot: "s", rows: rows.slice(0, 2), isWhole: rows.length <= 2 }
        }),
      keys: ({ except }) => Effect.sync(() => waiting(except).slice(0, 3)),
      rows: (keys) =>
        Effect.sync(() => ({ rows: keys.slice(0, 1).flatMap(({ id }) => this.data.outbox.get(id) ?? []), count: 1 })),
      settle: () => Effect.succeed(true),
      woken: () => this.#changed.until(() => waiting([]).length > 0),
      rise: Effect.void
    }
  }

  put(...rows: ReadonlyArray<Partial<OutboxRow> & { readonly partitionId: number }>): void {
    for (const row of rows) {
      const id = this.#next++
      const about = { xid: 9n, id, timestamp: BigInt(Date.now()) }
      this.data.outbox.set(
        id,
        "groupId" in row
          ? ({ ...about, ...row } as OutboxRow)
          : { key: null, value: null, headers: [], ...about, ...row }
      )
    }
    this.#changed.notify()
  }

  drained(): Promise<void> {
    return within(Effect.runPromise(this.#changed.until(() => this.data.outbox.size === 0)), "the outbox")
  }

  idsOf(topic: string): ReadonlyArray<number> {
    return Array.from(this.data.topics.values()).find(({ name }) => name === topic)!.partitionIds
  }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const batchesOf = async (client: WireClient, topic: string, partition: number): Promise<ReadonlyArray<Uint8Array>> => {
  const answer = await client.call(Fetch, 12, {
    ...{ replicaId: -1, maxWaitMs: 0, minBytes: 0, maxBytes: 1 << 24, sessionEpoch: -1 },
    topics: [{ topic, partitions: [{ partition, fetchOffset: 0n, partitionMaxBytes: 1 << 24 }] }]
  })
  const records = answer.responses[0]!.partitions[0]!.records ?? []
  return RecordBatch.splitBatches(Buffer.concat(records)) as ReadonlyArray<Uint8Array>
}

const recordsOf = (batches: ReadonlyArray<Uint8Array>) =>
  batches.flatMap((batch) => {
    const records = RecordBatch.decodeRecords(batch, { maxDecompressedBytes: 1 << 24 })
    if (!Array.isArray(records)) throw new Error("no records")
    return records as ReadonlyArray<RecordBatch.DecodedRecord>
  })

const valuesIn = (batches: ReadonlyArray<Uint8Array>) =>
  recordsOf(batches).map(({ value }) => (value === null ? null : Buffer.from(value).toString()))

describe("the drain of the outbox", () => {
  it("rows become records of their partitions, in order, as their topics keep them", async () => {
    const sql = new Sql()
    await using broker = await startBroker({}, { store: sql.layer })
    await broker.createTopic("t", 2)
    await broker.createTopic("z", 1, { "compression.type": "zstd", "message.timestamp.type": "LogAppendTime" })
    const [[a, b], [z]] = [sql.idsOf("t"), sql.idsOf("z")]
    const header = { key: "h", value: bytes("1") }
    sql.put(
      { partitionId: a!, key: bytes("k"), value: bytes("1"), headers: [header], timestamp: 1_000_000_000_000n },
      { partitionId: b!, value: bytes("2") },
      { partitionId: z!, value: bytes("z") },
      ...["3", "4", "5", "6"].map((value) => ({ partitionId: a!, value: bytes(value) })),
      { partitionId: a! }
    )
    await sql.drained()
    const client = await broker.connect()
    const first = await batchesOf(client, "t", 0)
    assert.deepStrictEqual(valuesIn(first), ["1", "3", "4", "5", "6", null])
    const [record] = recordsOf(first)
    assert.strictEqual(record!.timestamp, 1_000_000_000_000n)
    assert.deepStrictEqual(
      record!.headers.map(({ key, value }) => [key, Buffer.from(value!).toString()]),
      [["h", "1"]]
    )
    assert.deepStrictEqual(valuesIn(await batchesOf(client, "t", 1)), ["2"])
    const [kept] = await batchesOf(client, "z", 0)
    assert.deepStrictEqual(
      [RecordBatch.compressionCodec(kept!), RecordBatch.timestampType(kept!)],
      [4, "LogAppendTime"]
    )
  })

  it("what is for a topic that is imported waits for the end of that, and holds nothing up", async () => {
    const sql = new Sql()
    await using broker = await startBroker({}, { store: sql.layer })
    await broker.createTopic("t", 1, { "tusk.import": "cluster/t" })
    await broker.createTopic("u")
    const [t, u] = ["t", "u"].map((name) => sql.idsOf(name)[0]!)
    sql.put({ partitionId: t!, value: bytes("later") }, { partitionId: u!, value: bytes("now") })
    const client = await broker.connect()
    while ((await batchesOf(client, "u", 0)).length === 0);
    assert.deepStrictEqual([await batchesOf(client, "t", 0), sql.data.outbox.size], [[], 1])
    assert.isTrue(broker.log.some(({ text }) => text.includes("tusk.import")))
    await client.call(AlterConfigs, 2, { resources: [{ resourceType: 2, resourceName: "t", configs: [] }] })
    await sql.drained()
    assert.deepStrictEqual(valuesIn(await batchesOf(client, "t", 0)), ["later"])
  })

  it("what cannot be appended any more is laid aside with the reason, and holds nothing up", async () => {
    const sql = new Sql()
    await using broker = await startBroker({}, { store: sql.layer })
    await broker.createTopic("gone")
    await broker.createTopic("small", 1, { "max.message.bytes": "200" })
    await broker.createTopic("keyed", 1, { "cleanup.policy": "compact" })
    const [gone, small, keyed] = ["gone", "small", "keyed"].map((name) => sql.idsOf(name)[0])
    const client = await broker.connect()
    await client.call(DeleteTopics, 5, { topicNames: ["gone"], timeoutMs: 1000 })
    sql.put(
      { partitionId: gone!, value: bytes("for nobody") },
      { partitionId: small!, value: bytes("fits") },
      { partitionId: small!, value: new Uint8Array(300) },
      { partitionId: keyed!, value: bytes("no key") },
      { partitionId: keyed!, key: bytes("k"), value: bytes("has one") },
      { partitionId: keyed!, key: bytes("k"), value: bytes("of tomorrow"), timestamp: BigInt(Date.now() + 86_400_000) }
    )
    await sql.drained()
    assert.deepStrictEqual(
      sql.data.outboxRefused.map(({ reason, row }) => [row.id, reason]).toSorted(([a], [b]) => Number(a) - Number(b)),
      [
        [1n, "its partition does not exist any more"],
        [3n, "its batch takes 370 bytes, more than max.message.bytes of 200"],
        [4n, "the topic is compacted, and the record has no key"],
        [6n, "its time is further ahead than message.timestamp.after.max.ms (3600000)"]
      ]
    )
    assert.deepStrictEqual(valuesIn(await batchesOf(client, "small", 0)), ["fits"])
    assert.deepStrictEqual(valuesIn(await batchesOf(client, "keyed", 0)), ["has one"])
    assert.deepStrictEqual(
      broker.log.filter(({ level }) => level === "Error"),
      []
    )
  })

  it("a limit that was lowered meanwhile is kept", async () => {
    const sql = new Sql()
    await using broker = await startBroker({}, { store: sql.layer })
    await broker.createTopic("t")
    const client = await broker.connect()
    const configs = [{ name: "max.message.bytes", value: "300" }]
    await client.call(AlterConfigs, 1, { resources: [{ resourceType: 2, resourceName: "t", configs }] })
    sql.put(...[150, 150, 150].map((size) => ({ partitionId: sql.idsOf("t")[0]!, value: new Uint8Array(size) })))
    await sql.drained()
    const batches = await batchesOf(client, "t", 0)
    assert.deepStrictEqual(sql.data.outboxRefused, [])
    assert.strictEqual(recordsOf(batches).length, 3)
    for (const batch of batches) assert.isAtMost(batch.byteLength, 300)
  })

  it("what is for an object topic goes into an object, and a store that refuses it holds no other topic up", async () => {
    const sql = new Sql()
    const objects = new ObjectsUnderTest()
    await using broker = await startBroker({ tailCacheBytes: 0 }, { store: sql.layer, objects: objects.store })
    await broker.createTopic("t", 1, { "tusk.storage": "object" })
    await broker.createTopic("u")
    const [t, u] = ["t", "u"].map((name) => sql.idsOf(name)[0]!)
    objects.instead = () => Effect.fail(new ObjectStoreRefused({ message: "no" }))
    sql.put({ partitionId: t!, value: bytes("object") }, { partitionId: u!, value: bytes("row") })
    const client = await broker.connect()
    while ((await batchesOf(client, "u", 0)).length === 0);
    assert.strictEqual(sql.data.outbox.size, 1)
    objects.instead = undefined
    await sql.drained()
    assert.deepStrictEqual(valuesIn(await batchesOf(client, "t", 0)), ["object"])
    assert.strictEqual(objects.names.length, 1)
    assert.deepStrictEqual(sql.data.outboxRefused, [])
  })

  it("an offset that SQL committed is what a group's members find", async () => {
    const sql = new Sql()
    await using broker = await startBroker({}, { store: sql.layer })
    await broker.createTopic("t")
    const [partitionId] = sql.idsOf("t")
    const offset = (committedOffset: bigint) => ({ partitionId: partitionId!, groupId: "g", committedOffset })
    sql.put(offset(-1n), offset(3n), offset(7n))
    await sql.drained()
    const client = await broker.connect()
    const { topics } = await client.call(OffsetFetch, 7, {
      ...OffsetFetch.request.defaults(),
      groupId: "g",
      topics: [{ name: "t", partitionIndexes: [0] }]
    })
    assert.strictEqual(topics[0]!.partitions[0]!.committedOffset, 7n)
  })
})
