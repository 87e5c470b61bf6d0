import { afterEach, assert, describe, it } from "@effect/vitest"
import { Kafka, logLevel, Partitioners } from "kafkajs"
import { createHash, randomBytes } from "node:crypto"
import { temporaryFolder, TuskProcess } from "./TuskProcess.ts"

const cleanUp: Array<() => unknown> = []
afterEach(async () => {
  for (const each of cleanUp.splice(0).reverse()) await each()
})

const MIB = 1 << 20
/** What a batch has beside one record's value. */
const OVERHEAD = 256
const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")

/** The hashes of a topic's values, in order, and their sizes. */
const read = async (kafka: Kafka, topic: string, groupId: string, count: number) => {
  const consumer = kafka.consumer({ groupId, maxBytesPerPartition: 4 * MIB, maxBytes: 8 * MIB })
  const seen: Array<readonly [size: number, hash: string]> = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        eachMessage: async ({ message }) => {
          seen.push([message.value!.byteLength, hash(message.value!)])
          if (seen.length >= count) resolve()
        }
      })
      .catch(reject)
  })
  await consumer.disconnect()
  return seen
}

describe("batches of 16 MiB on Postgres", () => {
  it("are taken, read, and there after a kill -9; one byte more is not", { timeout: 120_000 }, async () => {
    const folder = temporaryFolder()
    cleanUp.push(folder.remove)
    const args = (port: number) => ["start", "--data-dir", `${folder.path}/data`, "--listen", `127.0.0.1:${port}`]
    let tusk = new TuskProcess(args(0))
    const port = await tusk.listening()
    cleanUp.push(() => tusk.child.exitCode === null && tusk.child.signalCode === null && tusk.kill("SIGTERM"))
    const kafka = new Kafka({
      brokers: [`127.0.0.1:${port}`],
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 60 }
    })
    const admin = kafka.admin()
    await admin.connect()
    const configEntries = [{ name: "max.message.bytes", value: `${16 * MIB}` }]
    await admin.createTopics({ topics: [{ topic: "large", numPartitions: 1, configEntries }] })
    await admin.disconnect()

    const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    const values = [16 * MIB - OVERHEAD, 10, 12 * MIB, 16 * MIB - OVERHEAD].map((size) => randomBytes(size))
    // Two of them in flight at once, whatever a commit holds.
    const sent = values.map((value) => producer.send({ topic: "large", acks: -1, messages: [{ value }] }))
    const offsets = (await Promise.all(sent)).map(([partition]) => partition!.baseOffset)
    const refusal = await producer.send({ topic: "large", messages: [{ value: randomBytes(16 * MIB) }] }).then(
      () => "taken",
      (error: { readonly type?: string }) => error.type
    )
    assert.strictEqual(refusal, "MESSAGE_TOO_LARGE")
    await producer.disconnect()

    const inOrder = values.map((_, offset) => values[offsets.indexOf(`${offset}`)]!)
    const wanted = inOrder.map((value) => [value.byteLength, hash(value)] as const)
    assert.deepStrictEqual(await read(kafka, "large", "before", 4), wanted)
    assert.strictEqual(await tusk.kill("SIGKILL"), "SIGKILL")
    tusk = new TuskProcess(args(port))
    await tusk.listening()
    assert.deepStrictEqual(await read(kafka, "large", "after", 4), wanted)
    assert.strictEqual(await tusk.kill("SIGTERM"), 0)
  })
})
