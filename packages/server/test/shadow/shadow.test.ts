import { assert, describe, it } from "@effect/vitest"
import { Kafka, logLevel } from "kafkajs"
import { isFiller, shown, twoBrokers } from "./TwoBrokers.ts"

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

  it("begins where the log does, and keeps the difference", async () => {
    await using both = await twoBrokers({ shadowTopics: ["late"] })
    const { source, target } = both
    await source.broker.createTopic("late-too")
    await source.values("late-too", 0, "a", "b", "c")
    await source.broker.createTopic("elsewhere")
    await source.deleteRecords("late-too", 2n)
    assert.strictEqual(await target.end("late-too"), -1n)
  })
})
