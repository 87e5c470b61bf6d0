// @ts-nocheck: "bun:test" is Bun's own
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test"
import { Tusk } from "@tusk/test"
import { Kafka, logLevel } from "kafkajs"

let kafka
beforeAll(async () => {
  kafka = await Tusk.start({ topics: ["orders"] })
})
beforeEach(() => kafka.reset())
afterAll(() => kafka.stop())

const sendOrder = async (id) => {
  const client = new Kafka({ brokers: [kafka.bootstrapServers], logLevel: logLevel.NOTHING })
  const producer = client.producer()
  await producer.connect()
  await producer.send({ topic: "orders", messages: [{ key: id, value: "ordered" }] })
  await producer.disconnect()
}

test.each(["7", "8"])("sends order %s", async (id) => {
  await sendOrder(id)
  const [order] = await kafka.awaitRecords("orders", 1)
  expect(order.keyText).toBe(id)
})

test("sends it again if the broker fails once", async () => {
  const fault = kafka.faults.fail({ api: "Produce", topic: "orders", error: "NOT_LEADER_OR_FOLLOWER", times: 1 })
  await sendOrder("9")
  expect(fault.hits).toBe(1)
  expect(await kafka.records("orders")).toHaveLength(1)
})
