import { Tusk } from "@tusk/test"
import { Kafka, logLevel } from "kafkajs"
import assert from "node:assert/strict"
import { after, before, beforeEach, test } from "node:test"

let kafka: Awaited<ReturnType<typeof Tusk.start>>
before(async () => {
  kafka = await Tusk.start({ topics: ["orders"] })
})
beforeEach(() => kafka.reset())
after(() => kafka.stop())

const sendOrder = async (id: string) => {
  const client = new Kafka({ brokers: [kafka.bootstrapServers], logLevel: logLevel.NOTHING })
  const producer = client.producer()
  await producer.connect()
  await producer.send({ topic: "orders", messages: [{ key: id, value: "ordered" }] })
  await producer.disconnect()
}

for (const id of ["7", "8"]) {
  test(`sends order ${id}`, async () => {
    await sendOrder(id)
    const [order] = await kafka.awaitRecords("orders", 1)
    assert.equal(order!.keyText, id)
  })
}

test("sends it again if the broker fails once", async () => {
  const fault = kafka.faults.fail({ api: "Produce", topic: "orders", error: "NOT_LEADER_OR_FOLLOWER", times: 1 })
  await sendOrder("9")
  assert.equal(fault.hits, 1)
  assert.equal((await kafka.records("orders")).length, 1)
})
