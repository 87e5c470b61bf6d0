import { describe, expect, it } from "@effect/vitest"
import { Tusk } from "../src/Tusk.ts"
import type { StartOptions, TestBroker } from "../src/Tusk.ts"
import { consuming, kafkajs, producing } from "./Clients.ts"

const topics: StartOptions["topics"] = [
  "orders",
  {
    name: "users",
    partitions: 2,
    configs: { "retention.ms": 5000 },
    records: [{ key: "ann", value: "1", partition: 1 }]
  }
]

const valuesOf = async (kafka: TestBroker, topic: string) =>
  (await kafka.records(topic)).map(({ offset, valueText }) => `${offset} ${valueText}`)

/** Topics, groups, offsets, transactions and configs of a client's making. */
const use = async (kafka: TestBroker) => {
  const admin = kafkajs(kafka).admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: "more" }] })
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: 2, name: "orders", configEntries: [{ name: "retention.ms", value: "1" }] }]
  })
  await admin.deleteTopics({ topics: ["users"] })
  await admin.disconnect()
  await kafka.produce("orders", [{ value: "consumed" }])
  const { consumer, values } = await consuming(kafka, "orders")
  await values(1)
  await consumer.disconnect()
  const producer = kafkajs(kafka).producer({ transactionalId: "open", maxInFlightRequests: 1 })
  await producer.connect()
  const transaction = await producer.transaction()
  await transaction.send({ topic: "orders", messages: [{ value: "open" }] })
  return () => producer.disconnect()
}

const stateOf = async (kafka: TestBroker) => {
  const admin = kafkajs(kafka).admin()
  await admin.connect()
  const names = (await admin.listTopics()).filter((name) => !name.startsWith("__"))
  const [offsets] = await admin.fetchOffsets({ groupId: "g", topics: ["orders"] })
  const { groups } = await admin.listGroups()
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: ["orders", "users"].map((name) => ({ type: 2, name, configNames: ["retention.ms"] }))
  })
  await admin.disconnect()
  return {
    names: names.sort(),
    offset: offsets!.partitions[0]?.offset,
    groups: groups.map(({ groupId }) => groupId),
    retention: resources.map(({ configEntries }) => configEntries[0]!.configValue),
    orders: await valuesOf(kafka, "orders"),
    committed: (await kafka.records("orders", { isolation: "read_committed" })).length,
    users: await valuesOf(kafka, "users")
  }
}

const seeded = {
  names: ["orders", "users"],
  offset: "-1",
  groups: [],
  retention: ["604800000", "5000"],
  orders: [],
  committed: 0,
  users: ["0 1"]
}

describe.each(["memory", "embedded"] as const)("reset, storage %s", { timeout: 60_000 }, (storage) => {
  it("goes back to how the broker started, again and again", async () => {
    await using kafka = await Tusk.start({ storage, topics })
    expect(await stateOf(kafka)).toEqual(seeded)
    for (let round = 0; round < 2; round++) {
      const disconnect = await use(kafka)
      await kafka.reset()
      expect(await stateOf(kafka)).toEqual(seeded)
      await kafka.produce("orders", [{ value: "x" }])
      expect(await valuesOf(kafka, "orders")).toEqual(["0 x"])
      await disconnect().catch(() => {})
    }
  })

  it("lets connected producers and consumers go on", async () => {
    await using kafka = await Tusk.start({ storage, topics: ["orders"] })
    const { consumer, values } = await consuming(kafka, "orders")
    await producing(kafka, async (send) => {
      await send("orders", "before")
      expect(await values(1)).toEqual(["before"])
      const rejoined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve))
      await kafka.reset()
      await rejoined
      await send("orders", "after")
      expect(await valuesOf(kafka, "orders")).toEqual(["0 after"])
      expect(await values(2)).toEqual(["before", "after"])
    })
    await consumer.disconnect()
  })
})

it("an idempotent producer goes on, an open transaction fails and its producer is made anew", async () => {
  await using kafka = await Tusk.start({ topics: ["orders"] })
  const producer = kafkajs(kafka).producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  for (const value of ["1", "2"]) await producer.send({ topic: "orders", messages: [{ value }] })
  const transactional = kafkajs(kafka, 1).producer({ transactionalId: "tx", maxInFlightRequests: 1 })
  await transactional.connect()
  const transaction = await transactional.transaction()
  await transaction.send({ topic: "orders", messages: [{ value: "open" }] })
  await kafka.reset()
  for (const value of ["3", "4"]) await producer.send({ topic: "orders", messages: [{ value }] })
  expect(await valuesOf(kafka, "orders")).toEqual(["0 3", "1 4"])
  await expect(transaction.commit()).rejects.toThrow()
  await transactional.disconnect()
  const anew = kafkajs(kafka).producer({ transactionalId: "tx", maxInFlightRequests: 1 })
  await anew.connect()
  const second = await anew.transaction()
  await second.send({ topic: "orders", messages: [{ value: "5" }] })
  await second.commit()
  await anew.disconnect()
  await producer.disconnect()
  const committed = await kafka.records("orders", { isolation: "read_committed" })
  expect(committed.map(({ valueText }) => valueText)).toEqual(["3", "4", "5"])
})

it("clears faults, and is over at once in memory", async () => {
  await using kafka = await Tusk.start({ topics })
  const fault = kafka.faults.fail({ api: "Produce", error: "NOT_ENOUGH_REPLICAS" })
  await kafka.reset()
  await producing(kafka, (send) => send("orders", "x"))
  expect(fault.hits).toBe(0)
  const began = performance.now()
  for (let i = 0; i < 10; i++) await Promise.all([kafka.reset(), kafka.reset()])
  expect((performance.now() - began) / 20).toBeLessThan(20)
})
