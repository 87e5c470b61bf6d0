import { afterEach, assert, describe, it } from "@effect/vitest"
import { Kafka, logLevel, Partitioners } from "kafkajs"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { temporaryFolder, TuskProcess } from "./TuskProcess.ts"

const cleanUp: Array<() => unknown> = []
afterEach(async () => {
  for (const each of cleanUp.splice(0).reverse()) await each()
})

describe("a crash of Postgres (docs/durability.md)", () => {
  it(
    "loses nothing but the end of relaxed topics, and nothing before a strict commit",
    { timeout: 90_000 },
    async () => {
      const folder = temporaryFolder()
      cleanUp.push(folder.remove)
      const dataDir = join(folder.path, "data")
      const args = (port: number) => ["start", "--data-dir", dataDir, "--listen", `127.0.0.1:${port}`]
      let tusk = new TuskProcess(args(0))
      const port = await tusk.listening()
      cleanUp.push(() => tusk.child.exitCode === null && tusk.child.signalCode === null && tusk.kill("SIGTERM"))
      const kafka = new Kafka({
        brokers: [`127.0.0.1:${port}`],
        logLevel: logLevel.NOTHING,
        retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 60 }
      })

      const relaxed = [{ name: "tusk.synchronous.commit", value: "off" }]
      const admin = kafka.admin()
      await admin.connect()
      await admin.createTopics({
        topics: [
          { topic: "strict", numPartitions: 1 },
          { topic: "relaxed", numPartitions: 1, configEntries: relaxed }
        ]
      })
      await admin.disconnect()

      /** Records that are acknowledged, one after the other; how many there are then. */
      const send = async (topic: string, count: number): Promise<number> => {
        const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
        await producer.connect()
        let end = 0
        for (let i = 0; i < count; i++) {
          const [sent] = await producer.send({ topic, acks: -1, messages: [{ value: "x".repeat(500) }] })
          end = Number(sent!.baseOffset) + 1
        }
        await producer.disconnect()
        return end
      }
      /** What Postgres has in memory and not on disk is gone; Tusk goes with it, and both come back. */
      const crash = async (): Promise<void> => {
        const postmaster = Number(readFileSync(join(dataDir, "postgres", "postmaster.pid"), "utf8").split("\n")[0])
        process.kill(postmaster, "SIGQUIT")
        await tusk.kill("SIGKILL")
        tusk = new TuskProcess(args(port))
        await tusk.listening()
      }
      const ends = async (topic: string): Promise<number> => {
        const admin = kafka.admin()
        await admin.connect()
        const [{ high } = { high: "" }] = await admin.fetchTopicOffsets(topic)
        await admin.disconnect()
        return Number(high)
      }

      const strict = await send("strict", 50)
      const acknowledged = await send("relaxed", 300)
      await crash()
      assert.strictEqual(await ends("strict"), strict)
      const left = await ends("relaxed")
      assert.isAtMost(left, acknowledged)

      // The log goes on where it ends now, and a strict commit makes all before it durable.
      assert.strictEqual(await send("relaxed", 100), left + 100)
      assert.strictEqual(await send("strict", 1), strict + 1)
      await crash()
      assert.strictEqual(await ends("relaxed"), left + 100)
      assert.strictEqual(await ends("strict"), strict + 1)
      assert.strictEqual(await tusk.kill("SIGTERM"), 0)
    }
  )
})
