import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { alterConfigs, describeConfigs } from "@tusk/client/admin/Configs"
import { committedOffsets, commitOffsets } from "@tusk/client/admin/GroupOffsets"
import { deleteRecords, EARLIEST, LATEST, listOffsets } from "@tusk/client/admin/Offsets"
import { createPartitions, createTopic, deleteTopic } from "@tusk/client/admin/Topics"
import { AddPartitionsToTxn } from "@tusk/protocol/messages/AddPartitionsToTxn"
import { EndTxn } from "@tusk/protocol/messages/EndTxn"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import * as Batch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import { deliver } from "../../src/import/delivering.ts"
import { unknownPartition } from "../../src/import/ImportedPartition.ts"
import type { ImportedPartition } from "../../src/import/ImportedPartition.ts"
import { settle } from "../../src/import/settling.ts"
import { batchesOf, batchOf, produce, recordsOf, TwoClusters } from "./TwoClusters.ts"
import type { Cluster } from "./TwoClusters.ts"

const POLICY_VIOLATION = 44

let two: TwoClusters
beforeAll(async () => {
  two = await TwoClusters.start()
})
afterAll(() => two[Symbol.asyncDispose]())

const topicAt = (cluster: Cluster, name: string, configs: Readonly<Record<string, string>> = {}, partitions = 1) =>
  cluster.run(createTopic({ name, partitions, replicationFactor: 1, configs: new Map(Object.entries(configs)) }, false))

const ends = async (cluster: Cluster, topic: string) => {
  const of = async (time: bigint) => {
    const [found] = await cluster.run(listOffsets([{ topic, partition: 0 }], time))
    return "offset" in found!.result ? found!.result.offset : found!.result.message
  }
  return [await of(EARLIEST), await of(LATEST)]
}

const configsAt = async (cluster: Cluster, name: string) => {
  const entries = await cluster.run(describeConfigs({ type: "topic", name }))
  const own = entries.filter(({ source }) => source === "DYNAMIC_TOPIC_CONFIG")
  return Object.fromEntries(own.map(({ name: config, value }) => [config, value]))
}

/** A transaction of one batch, committed or not. */
const transaction = async (cluster: Cluster, topic: string, values: ReadonlyArray<string>, committed: boolean) => {
  const transactionalId = `tx-${topic}`
  const ask = cluster.client.anyBroker
  const asked = await Effect.runPromise(
    Effect.flatMap(ask, (connection) =>
      connection.ask(InitProducerId, {
        ...InitProducerId.request.defaults(),
        transactionalId,
        transactionTimeoutMs: 60_000
      })
    )
  )
  const { producerEpoch, producerId } = asked
  const add = {
    ...AddPartitionsToTxn.request.defaults(),
    v3AndBelowTransactionalId: transactionalId,
    v3AndBelowProducerId: producerId,
    v3AndBelowProducerEpoch: producerEpoch,
    v3AndBelowTopics: [{ name: topic, partitions: [0] }]
  }
  await Effect.runPromise(
    Effect.flatMap(ask, (connection) => connection.ask(AddPartitionsToTxn, add, { maxVersion: 3 }))
  )
  const batch = batchOf(values, { producerId, producerEpoch, baseSequence: 0, isTransactional: true })
  assert.strictEqual(await produce(cluster, topic, batch, { transactionalId }), 0)
  return () =>
    Effect.runPromise(
      Effect.flatMap(ask, (connection) =>
        connection.ask(EndTxn, { transactionalId, producerId, producerEpoch, committed }, { maxVersion: 4 })
      )
    )
}

const imported = async (topic: string, ...args: ReadonlyArray<string>) => {
  const { exit, stderr, stdout } = await two.import(["--topics", topic, "--output", "json", ...args])
  return { exit, stderr, rows: stdout === "" ? [] : JSON.parse(stdout) }
}

describe("tusk import", () => {
  it("brings topics with configs, records at their offsets, and offsets of groups; once more it goes on", async () => {
    const { source, target } = two
    await topicAt(source, "orders", { "retention.ms": "123456789", "max.message.bytes": "4000000" }, 2)
    for (let i = 0; i < 20; i++) {
      assert.strictEqual(await produce(source, "orders", batchOf([`${i} a`, `${i} b`]), { partition: i % 2 }), 0)
    }
    const committed = [{ topic: "orders", partition: 1, offset: 7n, metadata: "so far" }]
    await source.run(commitOffsets({ group: "billing", generation: -1, memberId: "" }, committed))
    const { exit, rows, stderr } = await imported("orders", "--once")
    assert.strictEqual(exit, 0, stderr)
    assert.deepStrictEqual(rows, [{ topic: "orders", partitions: 2, offsets: 40, lag: 0, halted: null }])
    assert.match(stderr, /orders is made, with 2 partitions/)
    assert.match(stderr, /the lag is zero: 40 offsets are there/)
    for (const partition of [0, 1]) {
      const [there, here] = [
        await batchesOf(source, "orders", 0n, partition),
        await batchesOf(target, "orders", 0n, partition)
      ]
      assert.deepStrictEqual(here.map(Batch.baseOffset), there.map(Batch.baseOffset))
      assert.isTrue(here.every((batch, i) => Buffer.from(batch.subarray(16)).equals(there[i]!.subarray(16))))
    }
    assert.deepInclude(await configsAt(target, "orders"), {
      "retention.ms": "123456789",
      "max.message.bytes": "4000000"
    })
    assert.deepStrictEqual(await target.run(committedOffsets("billing")), committed)
    assert.strictEqual(await produce(target, "orders", batchOf(["mine"])), POLICY_VIOLATION)

    await produce(source, "orders", batchOf(["later"]))
    await source.run(createPartitions("orders", 3))
    await produce(source, "orders", batchOf(["third"]), { partition: 2 })
    const finished = await imported("orders", "--finish")
    assert.strictEqual(finished.exit, 0, finished.stderr)
    assert.deepStrictEqual(finished.rows, [{ topic: "orders", partitions: 3, offsets: 42, lag: 0, halted: null }])
    assert.notProperty(await configsAt(target, "orders"), "tusk.import")
    assert.strictEqual(await produce(target, "orders", batchOf(["mine"])), 0)
    assert.strictEqual((await recordsOf(target, "orders", 20n)).at(-1), "21 1000000 v mine")
    const again = await imported("orders", "--once")
    assert.strictEqual(again.exit, 1)
    assert.match(again.rows[0].halted, /is not being imported/)
  })

  it("leaves out what was aborted, waits for what is open, and ends where the source does", async () => {
    const { source, target } = two
    await topicAt(source, "tx")
    await produce(source, "tx", batchOf(["0"]))
    await (
      await transaction(source, "tx", ["1", "2"], false)
    )()
    await (
      await transaction(source, "tx", ["4"], true)
    )()
    const { exit, stderr } = await imported("tx", "--once")
    assert.strictEqual(exit, 0, stderr)
    assert.deepStrictEqual(await ends(target, "tx"), [0n, 6n])
    assert.deepStrictEqual(await recordsOf(target, "tx"), ["0 1000000 v 0", "4 1000000 v 4"])
    const batch = (await batchesOf(target, "tx"))[1]!
    assert.deepStrictEqual([Batch.producerId(batch), Batch.isTransactional(batch)], [-1n, false])

    const commit = await transaction(source, "tx", ["6"], true)
    const importing = imported("tx", "--once")
    await commit()
    assert.strictEqual((await importing).exit, 0)
    assert.deepStrictEqual(await ends(target, "tx"), [0n, 8n])
    assert.deepStrictEqual(await recordsOf(target, "tx", 6n), ["6 1000000 v 6"])
  })

  it("begins where the source begins, also within a batch, or with nothing at all; and follows its start", async () => {
    const { source, target } = two
    const del = (topic: string, offset: bigint) => source.run(deleteRecords([{ topic, partition: 0, offset }], 10_000))
    for (const topic of ["late", "none"]) {
      await topicAt(source, topic)
      for (let i = 0; i < 5; i++) await produce(source, topic, batchOf(["a", "b", "c"]))
    }
    await del("late", 7n)
    await del("none", 15n)
    assert.strictEqual((await imported("late", "--topics", "none", "--once")).exit, 0)
    assert.deepStrictEqual(await ends(target, "late"), [7n, 15n])
    assert.deepStrictEqual(await ends(target, "none"), [15n, 15n])
    assert.deepStrictEqual(await recordsOf(target, "late", 7n), await recordsOf(source, "late", 7n))
    await del("late", 12n)
    await produce(source, "none", batchOf(["d"]))
    assert.strictEqual((await imported("late", "--topics", "none", "--once")).exit, 0)
    assert.deepStrictEqual(await ends(target, "late"), [12n, 15n])
    assert.deepStrictEqual(await recordsOf(target, "none", 15n), ["15 1000000 v d"])
  })

  it("stops for good where logs do not fit together, and says why", async () => {
    const { source, target } = two
    const refused = async (topic: string, why: RegExp) => {
      const { exit, rows, stderr } = await imported(topic, "--once")
      assert.strictEqual(exit, 1)
      assert.match(rows[0].halted, why)
      assert.include(stderr, `${topic} is not imported further: `)
    }
    await topicAt(source, "taken")
    await topicAt(target, "taken")
    await refused("taken", /a topic of this name that is not being imported/)

    await topicAt(source, "wide")
    assert.strictEqual((await imported("wide", "--once")).exit, 0)
    await target.run(createPartitions("wide", 2))
    await refused("wide", /it has 2 partitions in the target, 1 at the source/)

    await topicAt(target, "elsewhere", { "tusk.import": "other/elsewhere" })
    await topicAt(source, "elsewhere")
    await refused("elsewhere", /imported from elsewhere: other\/elsewhere/)

    await topicAt(source, "anew")
    await produce(source, "anew", batchOf(["a"]))
    assert.strictEqual((await imported("anew", "--once")).exit, 0)
    await source.run(deleteTopic("anew"))
    await topicAt(source, "anew")
    await refused("anew", /imported from elsewhere/)

    await topicAt(source, "other")
    await produce(source, "other", batchOf(["a"]))
    assert.strictEqual((await imported("other", "--once")).exit, 0)
    const origin = (await configsAt(target, "other"))["tusk.import"]!
    const resource = { type: "topic", name: "other" } as const
    await target.run(alterConfigs(resource, new Map(), ["tusk.import"]))
    await produce(target, "other", batchOf(["not of the source"]))
    await target.run(alterConfigs(resource, new Map([["tusk.import", origin]])))
    await produce(source, "other", batchOf(["b"]))
    await refused("other", /partition 0 differs at offset 1/)
    assert.deepStrictEqual(await ends(target, "other"), [0n, 2n])
  })

  it("halts where the source ends before the target does, if that is so for longer than a new leader needs", async () => {
    const { source, target } = two
    await topicAt(source, "short")
    await topicAt(target, "short", { "tusk.import": "x/short" })
    await produce(source, "short", batchOf(["0"]))
    const parcel = { topic: "short", partition: 0, records: batchOf(["0", "1"]), behind: 0n, end: 2n }
    await Effect.runPromise(deliver(target.client, 1, [parcel]))
    const part = unknownPartition("short", 0)
    const topic = { name: "short", topicId: null, partitions: [part], compacted: false, halted: undefined }
    const ahead = new Map<ImportedPartition, number>()
    const settled = () =>
      Effect.runPromise(
        Effect.result(
          settle({ source: source.client, target: target.client }, new Map([["short", topic]]), [part], ahead)
        )
      )
    const first = await settled()
    assert.strictEqual(first._tag === "Failure" ? first.failure._tag : undefined, "Unsettled")
    ahead.set(part, ahead.get(part)! - 60_000)
    assert.strictEqual((await settled())._tag, "Success")
    assert.match(String(topic.halted), /ends at 1, what is imported at 2: was its log truncated/)
  })

  it("goes on with what comes, and tells when the lag is zero", async () => {
    const { source, target } = two
    await topicAt(source, "on")
    await produce(source, "on", batchOf(["0"]))
    const stop = new AbortController()
    const running = two.import(["--topics", "on"], { signal: stop.signal })
    const until = async (end: bigint) => {
      for (let last: unknown; last !== end;) last = (await ends(target, "on").catch(() => []))[1]
    }
    await until(1n)
    await produce(source, "on", batchOf(["1"]))
    await until(2n)
    stop.abort()
    assert.strictEqual((await running).exit, 130)
  })

  it("two at once make no difference", async () => {
    const { source, target } = two
    await topicAt(source, "twice")
    for (let i = 0; i < 300; i++) await produce(source, "twice", batchOf([`${i}`, `${i}`, `${i}`]))
    const both = await Promise.all([imported("twice", "--once"), imported("twice", "--once")])
    assert.deepStrictEqual(
      both.map(({ exit }) => exit),
      [0, 0],
      both.map(({ stderr }) => stderr).join("\n")
    )
    assert.deepStrictEqual(await recordsOf(target, "twice"), await recordsOf(source, "twice"))
  })

  it("is told what it lacks", async () => {
    assert.match((await two.import(["--topics", "nothing like it.*", "--once"])).stderr, /no topic of that name/)
    assert.strictEqual((await two.import(["--once", "--finish"])).exit, 2)
    const nobody = await two.import(["--from-config", "/nowhere", "--once"])
    assert.match(nobody.stderr, /--from-config \/nowhere: ENOENT/)
  })
})
