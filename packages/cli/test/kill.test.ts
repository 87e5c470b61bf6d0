import { afterEach, assert, describe, it } from "@effect/vitest"
import { Kafka, logLevel, Partitioners } from "kafkajs"
import { temporaryFolder, TuskProcess } from "./TuskProcess.ts"

const cleanUp: Array<() => unknown> = []
afterEach(async () => {
  for (const each of cleanUp.splice(0).reverse()) await each()
})

const client = (port: number) =>
  new Kafka({
    brokers: [`127.0.0.1:${port}`],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 60 }
  })

/** Every value of a topic's partitions, in order. */
const readAll = async (kafka: Kafka, topic: string, count: number): Promise<Array<string>> => {
  const consumer = kafka.consumer({ groupId: `read-${topic}` })
  const values: Array<string> = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        eachMessage: async ({ message }) => {
          values.push(message.value!.toString())
          if (values.length >= count) resolve()
        }
      })
      .catch(reject)
  })
  await consumer.disconnect()
  return values
}

describe("a broker killed while it takes records", () => {
  it("has every acknowledged record after a restart, once", { timeout: 60_000 }, async () => {
    const folder = temporaryFolder()
    cleanUp.push(folder.remove)
    const args = (port: number) => ["start", "--data-dir", `${folder.path}/data`, "--listen", `127.0.0.1:${port}`]
    let tusk = new TuskProcess(args(0))
    const port = await tusk.listening()

    const kafka = client(port)
    const admin = kafka.admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic: "kept", numPartitions: 1 }] })
    await admin.disconnect()
    const producer = kafka.producer({ idempotent: true, createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()

    let acknowledged = 0
    let killed: Promise<unknown> | undefined
    for (let i = 0; i < 120; i++) {
      const sent = producer.send({ topic: "kept", messages: [{ value: String(i) }] })
      if (i === 40 || i === 80) {
        // In the middle of a request; the client goes on by itself.
        killed = tusk.kill("SIGKILL").then(async () => {
          tusk = new TuskProcess(args(port))
          await tusk.listening()
        })
      }
      await sent
      acknowledged++
    }
    await killed
    await producer.disconnect()
    assert.strictEqual(acknowledged, 120)

    const values = await readAll(kafka, "kept", acknowledged)
    assert.deepStrictEqual(
      values,
      Array.from({ length: acknowledged }, (_, i) => String(i))
    )
    assert.strictEqual(await tusk.kill("SIGTERM"), 0)
  })
})
