import { Tusk } from "@tusk/test"
import { Kafka, logLevel } from "kafkajs"
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest"

let kafka: Awaited<ReturnType<typeof Tusk.start>>
beforeAll(async () => {
  kafka = await Tusk.start({ topics: ["orders"] })
})
beforeEach(() => kafka.reset())
afterAll(() => kafka.stop())

const sendOrder = async (id: string) => {
  const client = new Kafka({ brokers: [kafka.bootstrapServers], logLevel: logLevel.NOTHING })
  const producer = client.producer()
  await producer.connect()
  await producer.send({ topic: "orders", messages: [{ key: id, value: "ordered" }] })
  await producer.disconnect()
}

it.each(["7", "8"])("sends order %s", async (id) => {
  await sendOrder(id)
  const [order] = await kafka.awaitRecords("orders", 1)
  expect(order!.keyText).toBe(id)
})

it("sends it again if the broker fails once", async () => {
  const fault = kafka.faults.fail({ api: "Produce", topic: "orders", error: "NOT_LEADER_OR_FOLLOWER", times: 1 })
  await sendOrder("9")
  expect(fault.hits).toBe(1)
  expect(await kafka.records("orders")).toHaveLength(1)
})
