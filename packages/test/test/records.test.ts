import { describe, expect, it } from "@effect/vitest"
import { Tusk } from "../src/Tusk.ts"
import { consuming, kafkajs, producing } from "./Clients.ts"

describe("topics and records without a client", () => {
  it("has its topics when it serves, with partitions, configs and records", async () => {
    await using kafka = await Tusk.start({
      topics: [
        "orders",
        {
          name: "users",
          partitions: 3,
          configs: { "cleanup.policy": "compact" },
          records: [{ key: "ann", value: "1" }]
        }
      ],
      settings: { "num.partitions": 2 }
    })
    const admin = kafkajs(kafka).admin()
    await admin.connect()
    const { topics } = await admin.fetchTopicMetadata({ topics: ["orders", "users"] })
    const counts = Object.fromEntries(topics.map(({ name, partitions }) => [name, partitions.length]))
    expect(counts).toEqual({ orders: 2, users: 3 })
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: 2, name: "users", configNames: ["cleanup.policy"] }]
    })
    expect(resources[0]!.configEntries[0]!.configValue).toBe("compact")
    await admin.disconnect()
    expect((await kafka.records("users")).map(({ keyText, valueText }) => [keyText, valueText])).toEqual([["ann", "1"]])
  })

  it("gives a client what it produced, and reads what a client produced", async () => {
    await using kafka = await Tusk.start({ topics: ["in", "out"] })
    const places = await kafka.produce("in", [
      { key: "k", value: "one", headers: { trace: "t-1", none: null }, timestamp: 1_700_000_000_000 },
      {
        key: null,
        value: new Uint8Array([0, 255]),
        headers: [
          { key: "a", value: "1" },
          { key: "a", value: "2" }
        ]
      },
      { key: "gone", value: null }
    ])
    expect(places).toEqual([0n, 1n, 2n].map((offset) => ({ partition: 0, offset })))
    const [one, two, three] = await kafka.records("in")
    expect([one!.keyText, one!.valueText, one!.timestamp]).toEqual(["k", "one", 1_700_000_000_000])
    expect([one!.headerText("trace"), one!.headerText("none"), one!.headerText("no")]).toEqual(["t-1", null, undefined])
    expect([two!.key, two!.value, two!.headerText("a")]).toEqual([null, Buffer.from([0, 255]), "2"])
    expect([three!.keyText, three!.value, three!.valueText]).toEqual(["gone", null, null])
    const { consumer, values } = await consuming(kafka, "in")
    expect((await values(3))[0]).toBe("one")
    await consumer.disconnect()
    await producing(kafka, (send) => send("out", "a", "b"))
    expect((await kafka.records("out")).map((record) => [record.offset, record.valueText])).toEqual([
      [0n, "a"],
      [1n, "b"]
    ])
  })

  it("puts keys where a producer would, those without go round; reads a part", async () => {
    await using kafka = await Tusk.start({ topics: [{ name: "t", partitions: 3 }] })
    const producer = kafkajs(kafka).producer()
    await producer.connect()
    const keys = ["a", "b", "c", "d", "e"]
    await producer.send({ topic: "t", messages: keys.map((key) => ({ key, value: "client" })) })
    await producer.disconnect()
    const byClient = new Map((await kafka.records("t")).map(({ keyText, partition }) => [keyText, partition]))
    const places = await kafka.produce(
      "t",
      keys.map((key) => ({ key, value: "kit" }))
    )
    expect(places.map(({ partition }) => partition)).toEqual(keys.map((key) => byClient.get(key)))
    const round = await kafka.produce("t", [{ value: "x" }, { value: "y" }, { value: "z" }, { partition: 1 }])
    expect(round.map(({ partition }) => partition)).toEqual([0, 1, 2, 1])
    const part = await kafka.records("t", { partition: 1, from: round[1]!.offset })
    expect(part.map(({ valueText }) => valueText)).toEqual(["y", null])
    expect(await kafka.records("t", { partition: 1, from: 1000 })).toEqual([])
  })

  it("reads compressed batches, and hides what was aborted from read_committed", async () => {
    await using kafka = await Tusk.start({ topics: [{ name: "t", configs: { "compression.type": "gzip" } }] })
    const producer = kafkajs(kafka).producer({ transactionalId: "tx", idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    for (const [value, end] of [
      ["stays", "commit"],
      ["goes", "abort"]
    ] as const) {
      const transaction = await producer.transaction()
      await transaction.send({ topic: "t", messages: [{ value }] })
      await transaction[end]()
    }
    await producer.disconnect()
    const valuesOf = async (isolation: "read_committed" | "read_uncommitted") =>
      (await kafka.records("t", { isolation })).map(({ valueText }) => valueText)
    expect(await valuesOf("read_committed")).toEqual(["stays"])
    expect(await valuesOf("read_uncommitted")).toEqual(["stays", "goes"])
  })

  it("waits for records, also of a topic that is not there yet", async () => {
    await using kafka = await Tusk.start()
    const two = kafka.awaitRecords("later", 2)
    await producing(kafka, async (send) => {
      await send("later", "one")
      await send("later", "two")
    })
    expect((await two).map(({ valueText }) => valueText)).toEqual(["one", "two"])
    await expect(kafka.awaitRecords("later", 3, { timeoutMs: 20 })).rejects.toThrow(
      "later has 2 of 3 records after 20 ms"
    )
    await expect(kafka.awaitRecords("never", 1, { timeoutMs: 20 })).rejects.toThrow('no topic "never" for 20 ms')
  })

  it("says what is wrong with what it is asked", async () => {
    await using kafka = await Tusk.start({
      topics: ["orders", { name: "users", configs: { "cleanup.policy": "compact" } }]
    })
    await expect(kafka.records("order")).rejects.toThrow('topic "order" is not known; did you mean "orders"?')
    await expect(kafka.records("orders", { partition: 1 })).rejects.toThrow("partition 1 of orders: it has 1")
    await expect(kafka.records("orders", { partitions: 1 } as object)).rejects.toThrow('did you mean "partition"?')
    await expect(kafka.awaitRecords("orders", 1, { timeout: 1 } as object)).rejects.toThrow('did you mean "timeoutMs"?')
    await expect(kafka.produce("orders", [{ partition: 1 }])).rejects.toThrow(
      "orders[0].partition: 1, and the topic has 1"
    )
    await expect(kafka.produce("users", [{ value: "x" }])).rejects.toThrow(
      "the topic is compacted, and the record has no key"
    )
    await expect(kafka.produce("orders", [{ value: 1 as never }])).rejects.toThrow(
      "orders[0].value: text, bytes or null"
    )
    expect(await kafka.records("orders")).toEqual([])
  })

  it("shares nothing between brokers of one process", async () => {
    const brokers = await Promise.all(["a", "b", "c"].map((topic) => Tusk.start({ topics: [topic, "same"] })))
    await Promise.all(brokers.map((kafka, i) => kafka.produce("same", [{ value: String(i) }])))
    for (const [i, kafka] of brokers.entries()) {
      expect((await kafka.records("same")).map(({ valueText }) => valueText)).toEqual([String(i)])
      await expect(kafka.records(["a", "b", "c"][(i + 1) % 3]!)).rejects.toThrow("is not known")
    }
    await Promise.all(brokers.map((kafka) => kafka.stop()))
  })
})
