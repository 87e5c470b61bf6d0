import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import { Kafka, logLevel } from "kafkajs"
import { memoryRows } from "../../src/shadow/memoryRows.ts"
import { startBroker } from "../BrokerUnderTest.ts"
import { nextTurn } from "../Stores.ts"
import { shadowing } from "./Shadowing.ts"
import { eventually, isFiller, shown, sideOf, twoBrokers } from "./TwoBrokers.ts"

/** What a producer of transactions leaves in a log: records, aborted ones, and markers. */
const transactions = async (port: number, topic: string): Promise<void> => {
  const kafka = new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING })
  const producer = kafka.producer({ transactionalId: "tx", maxInFlightRequests: 1, idempotent: true })
  await producer.connect()
  for (const end of ["commit", "abort", "abort", "commit"] as const) {
    const transaction = await producer.transaction()
    for (const i of [1, 2]) await transaction.send({ topic, messages: [{ key: end, value: `${end} ${i}` }] })
    await transaction[end]()
  }
  await producer.disconnect()
}

describe("a shadow", { timeout: 30_000 }, () => {
  it("has each record where the source has it, and fillers where that has none", async () => {
    await using both = await twoBrokers()
    const { source, target } = both
    await source.broker.createTopic("orders", 2)
    await source.values("orders", 0, "a", "b", "c")
    await source.values("orders", 1, "d")
    await transactions(source.broker.port, "orders")
    await source.values("orders", 0, "e")
    await source.values("orders", 1, "f")
    const kinds: Array<string> = []
    for (const partition of [0, 1]) {
      await target.ends("orders", partition, await source.end("orders", partition))
      const sent = await source.records("orders", partition)
      const found = await target.records("orders", partition)
      assert.strictEqual(found.length, sent.length)
      found.forEach((record, i) => {
        const left =
          sent[i]!.isControl ||
          Buffer.from(sent[i]!.value ?? [])
            .toString()
            .startsWith("abort")
        assert.strictEqual(isFiller(record), left)
        kinds.push(left ? "filler" : "record")
        if (left) assert.deepStrictEqual([record.offset, record.key, record.value], [sent[i]!.offset, null, null])
        else assert.deepStrictEqual(shown(record), shown(sent[i]!))
      })
    }
    assert.isAtLeast(kinds.filter((kind) => kind === "filler").length, 8)
  })

  it("does not take a partition that has not begun for one that is forwarded", async () => {
    await using to = await startBroker({})
    await using from = await startBroker({})
    await from.createTopic("slow")
    const rows = memoryRows()
    const begins = Latch.makeUnsafe(false)
    const slow = {
      ...rows,
      partitions: (...asked: Parameters<typeof rows.partitions>) =>
        Effect.andThen(begins.await, rows.partitions(...asked))
    }
    await using forwarding = await shadowing(from, to, slow)
    await eventually("a look", async () => (await nextTurn(), forwarding.isComplete() || undefined))
    assert.deepStrictEqual(forwarding.lags(), [NaN])
    begins.openUnsafe()
    await eventually("a beginning", async () => (await nextTurn(), forwarding.lags()[0] === 0 || undefined))
  })

  it("begins where the log does, in the middle of a batch too, and keeps the difference", async () => {
    await using to = await startBroker({})
    await using from = await startBroker({})
    const source = await sideOf(from)
    await from.createTopic("late")
    await source.values("late", 0, "a", "b", "c", "d")
    await source.deleteRecords("late", 2n)
    await using forwarding = await shadowing(from, to)
    const target = await sideOf(to)
    await target.ends("late", 0, 2n)
    await source.values("late", 0, "e")
    await target.ends("late", 0, 3n)
    const sent = (await source.records("late")).map((record) => shown(record, 2n))
    assert.deepStrictEqual(
      (await target.records("late")).map((record) => shown(record)),
      sent
    )
    await source.commit("readers", "late", 4n)
    await eventually("the group's offset", async () =>
      (await target.committed("readers", "late")) === 2n ? 2n : undefined
    )
    await forwarding.stop()
  })

  it("has no fillers where offsets are mapped, and groups at the same records", async () => {
    await using both = await twoBrokers({ shadowFiller: false })
    const { source, target } = both
    await source.broker.createTopic("orders")
    await transactions(source.broker.port, "orders")
    await source.values("orders", 0, "last")
    await target.ends("orders", 0, 5n)
    const values = (await target.records("orders")).map(({ value }) => Buffer.from(value ?? []).toString())
    assert.deepStrictEqual(values, ["commit 1", "commit 2", "commit 1", "commit 2", "last"])
    await source.commit("readers", "orders", (await source.end("orders")) - 1n)
    await eventually("the group's offset", async () =>
      (await target.committed("readers", "orders")) === 4n ? 4n : undefined
    )
  })

  it("follows topics: those wanted, their partitions and their own configs", async () => {
    await using both = await twoBrokers({ shadowTopics: ["orders.*"] })
    const { source, target } = both
    await source.broker.createTopic("others")
    await source.broker.createTopic("orders-1", 1, { "retention.ms": "123456", "tusk.sql.records": "on" })
    await source.values("orders-1", 0, "a")
    await target.ends("orders-1", 0, 1n)
    assert.strictEqual(await target.config("orders-1", "retention.ms"), "123456")
    assert.strictEqual(await target.end("others"), -1n)
    await source.addPartitions("orders-1", 3)
    await source.values("orders-1", 2, "b")
    await target.ends("orders-1", 2, 1n)
    await source.setConfig("orders-1", "retention.ms", null)
    const other = await target.config("others", "retention.ms")
    await eventually("the config", async () =>
      (await target.config("orders-1", "retention.ms")) !== "123456" ? "other" : (other ?? undefined)
    )
  })

  it("leaves a group alone that has members at the target", async () => {
    await using both = await twoBrokers()
    const { source, target } = both
    await source.broker.createTopic("orders")
    await source.values("orders", 0, "a", "b", "c")
    await target.ends("orders", 0, 3n)
    const kafka = new Kafka({ brokers: [`127.0.0.1:${target.broker.port}`], logLevel: logLevel.NOTHING })
    const consumer = kafka.consumer({ groupId: "moved" })
    await consumer.connect()
    await consumer.subscribe({ topic: "orders", fromBeginning: true })
    await new Promise<void>((resolve) => void consumer.run({ autoCommit: false, eachMessage: async () => resolve() }))
    await source.commit("moved", "orders", 1n)
    // The same look mirrors both.
    for (const offset of [1n, 2n]) {
      await source.commit("other", "orders", offset)
      await eventually("the other group's offset", async () =>
        (await target.committed("other", "orders")) === offset ? offset : undefined
      )
    }
    assert.strictEqual(await target.committed("moved", "orders"), -1n)
    await consumer.disconnect()
    await eventually("the group's offset", async () =>
      (await target.committed("moved", "orders")) === 1n ? 1n : undefined
    )
    assert.deepStrictEqual(
      source.broker.log.filter(({ level }) => level === "Warn").map(({ text }) => text),
      []
    )
  })

  it("gives fillers of a compacted topic a key of their own", async () => {
    await using both = await twoBrokers()
    const { source, target } = both
    await source.broker.createTopic("table", 1, { "cleanup.policy": "compact" })
    await transactions(source.broker.port, "table")
    await target.ends("table", 0, await source.end("table"))
    const fillers = (await target.records("table")).filter(isFiller)
    assert.isAtLeast(fillers.length, 8)
    assert.deepStrictEqual([...new Set(fillers.map(({ key }) => Buffer.from(key ?? []).toString()))], ["tusk.filler"])
  })

  it("stops where somebody else writes to the target, and begins anew once the topic is deleted there", async () => {
    await using both = await twoBrokers()
    const { source, target } = both
    await source.broker.createTopic("orders")
    await source.values("orders", 0, "a")
    await target.ends("orders", 0, 1n)
    await target.values("orders", 0, "a stranger's")
    await source.values("orders", 0, "b")
    await source.tells(/the shadow of orders-0 stops: .*somebody else writes/)
    const end = await target.end("orders")
    await source.values("orders", 0, "c")
    await source.broker.createTopic("beside")
    await source.values("beside", 0, "goes on")
    await target.ends("beside", 0, 1n)
    assert.strictEqual(await target.end("orders"), end)
    await target.deleteTopic("orders")
    await target.ends("orders", 0, 3n)
    const values = (await target.records("orders")).map(({ value }) => Buffer.from(value ?? []).toString())
    assert.deepStrictEqual(values, ["a", "b", "c"])
  })

  it("stops where the topic was there, or is another one here, and touches nothing", async () => {
    await using to = await startBroker({})
    await using from = await startBroker({})
    const [source, target] = [await sideOf(from), await sideOf(to)]
    for (const side of [from, to]) await side.createTopic("mine")
    await target.values("mine", 0, "theirs")
    await source.values("mine", 0, "ours")
    await from.createTopic("again")
    await source.values("again", 0, "a", "b")
    await using forwarding = await shadowing(from, to)
    await forwarding.tells(/mine-0 stops: the topic is there already, and not empty/)
    await target.ends("again", 0, 2n)
    await source.deleteTopic("again")
    await from.createTopic("again")
    await source.values("again", 0, "c")
    await forwarding.tells(/again-0 stops: the topic was deleted here and made anew/)
    assert.deepStrictEqual([await target.end("mine"), await target.end("again")], [1n, 2n])
  })

  it("makes no difference if another one forwards at the same time", async () => {
    await using to = await startBroker({})
    await using from = await startBroker({})
    const [source, target] = [await sideOf(from), await sideOf(to)]
    await from.createTopic("orders", 2)
    const rows = memoryRows()
    await using one = await shadowing(from, to, rows)
    await using other = await shadowing(from, to, rows)
    for (let i = 0; i < 100; i++) await source.values("orders", i % 2, `${i}`, `${i} too`)
    for (const partition of [0, 1]) {
      await target.ends("orders", partition, 100n)
      const [sent, found] = [await source.records("orders", partition), await target.records("orders", partition)]
      assert.deepStrictEqual(
        found.map((record) => shown(record)),
        sent.map((record) => shown(record))
      )
    }
    assert.deepStrictEqual([one.stopped(), other.stopped()], [[], []])
  })

  it("refuses to forward to itself, and says so", async () => {
    await using from = await startBroker({})
    await using forwarding = await shadowing(from, from)
    await forwarding.tells(/the target is the source itself/)
  })
})
