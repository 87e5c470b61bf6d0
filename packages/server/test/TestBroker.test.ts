import { assert, describe, it } from "@effect/vitest"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import { OffsetFetch } from "@tusk/protocol/messages/OffsetFetch"
import * as Effect from "effect/Effect"
import { Kafka, logLevel } from "kafkajs"
import { execFile, spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { start } from "../src/testing/TestBroker.ts"
import type { StartOptions, TestBroker } from "../src/testing/TestBroker.ts"
import { Tusk } from "../src/Tusk.ts"
import { within, WireClient } from "./WireClient.ts"

const top = fileURLToPath(new URL("../../../", import.meta.url))
const asProgram = ["--conditions=tusk-source", "--input-type=module-typescript", "--eval"]

/** The examples of a README, in order. */
const examples = (readme: string): Array<string> =>
  Array.from(readFileSync(`${top}${readme}`, "utf8").matchAll(/```ts\n([\s\S]*?)```/g), (match) => match[1]!)

const runProgram = async (code: string): Promise<string> =>
  (await promisify(execFile)(process.execPath, [...asProgram, code], { cwd: top })).stdout

/** Sends these with kafkajs, and consumes them in a group. */
const roundTrip = async (bootstrapServers: string, topic: string, values: ReadonlyArray<string>) => {
  const kafka = new Kafka({ brokers: [bootstrapServers], logLevel: logLevel.NOTHING })
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic, messages: values.map((value) => ({ key: value, value })) })
  await producer.disconnect()
  const consumer = kafka.consumer({ groupId: "g" })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const seen: Array<string> = []
  const all = new Promise<void>((resolve) => {
    void consumer.run({
      eachMessage: ({ message }) => {
        seen.push(message.value!.toString())
        if (seen.length === values.length) resolve()
        return Promise.resolve()
      }
    })
  })
  await within(all, "what was sent")
  await consumer.disconnect()
  return seen
}

describe("Tusk.start", () => {
  it("serves when it resolves, and is gone at the end of the block", async () => {
    let port = 0
    {
      await using kafka = await Tusk.start()
      port = kafka.port
      assert.strictEqual(kafka.bootstrapServers, `127.0.0.1:${port}`)
      assert.deepStrictEqual(await roundTrip(kafka.bootstrapServers, "t", ["a", "b", "c"]), ["a", "b", "c"])
    }
    const refused = await WireClient.connect(port).catch((error: unknown) => error)
    assert.strictEqual((refused as NodeJS.ErrnoException).code, "ECONNREFUSED")
  })

  it("takes settings by Kafka's names, and says what is wrong with them", async () => {
    await using kafka = await start({ settings: { "num.partitions": 3, "auto.create.topics.enable": true } })
    await using client = await WireClient.connect(kafka.port)
    const { topics } = await client.call(Metadata, 12, { topics: [{ name: "t" }] })
    assert.lengthOf(topics[0]!.partitions, 3)
    // @ts-expect-error: a misspelt name does not compile
    const wrong = await start({ settings: { "num.partition": 3 } }).catch((error: unknown) => error)
    assert.include((wrong as Error).message, "num.partitions")
    const taken = await start({ port: kafka.port }).catch((error: unknown) => error)
    assert.include((taken as Error).message, `cannot listen on 127.0.0.1:${kafka.port}: the port is taken`)
  })

  it("two of them in one process share nothing", async () => {
    await using one = await start()
    await using other = await start()
    assert.notStrictEqual(one.port, other.port)
    await using a = await WireClient.connect(one.port)
    await using b = await WireClient.connect(other.port)
    const made = await a.call(Metadata, 12, { topics: [{ name: "t" }] })
    const partitions = [{ partitionIndex: 0, committedOffset: 5n, committedMetadata: null }]
    await a.call(OffsetCommit, 9, { groupId: "g", topics: [{ name: "t", partitions }] })
    const there = await b.call(Metadata, 12, { topics: null })
    assert.isFalse(there.topics.some(({ name }) => name === "t"))
    assert.notStrictEqual(there.clusterId, made.clusterId)
    assert.deepStrictEqual((await b.call(OffsetFetch, 7, { groupId: "g", topics: null })).topics, [])
    await one.stop()
    assert.lengthOf((await b.call(Metadata, 12, { topics: [] })).brokers, 1)
  })

  it("may be stopped twice, and started again on its port", async () => {
    // A suite names the types of what it starts.
    const first: TestBroker = await start()
    await Promise.all([first.stop(), first.stop()])
    const options: StartOptions = { port: first.port }
    await using again = await start(options)
    await using client = await WireClient.connect(again.port)
    assert.lengthOf((await client.call(Metadata, 12, { topics: [] })).brokers, 1)
  })

  it("is ready soon after import: the bar is 50 ms on a machine of its own", async () => {
    const code = `
      const { start } = await import("@tusk/server/testing/TestBroker")
      const began = performance.now()
      const kafka = await start()
      console.log(performance.now() - began)
      await kafka.stop()`
    const took = Number(await runProgram(code))
    console.info(`start() after import: ${took.toFixed(1)} ms`)
    assert.isBelow(took, 250)
  })
})

describe("in an Effect app", () => {
  it.live("Tusk.layerMemory is a broker as long as its layer lives", () =>
    Effect.gen(function* () {
      const bootstrapServers = yield* Effect.gen(function* () {
        const tusk = yield* Tusk
        assert.lengthOf(tusk.listeners, 1)
        const seen = yield* Effect.promise(() => roundTrip(tusk.bootstrapServers, "t", ["x", "y"]))
        assert.deepStrictEqual(seen, ["x", "y"])
        return tusk.bootstrapServers
      }).pipe(Effect.provide(Tusk.layerMemory()))
      const port = Number(bootstrapServers.split(":")[1])
      const refused = yield* Effect.promise(() => WireClient.connect(port).catch((error: unknown) => error))
      assert.strictEqual((refused as NodeJS.ErrnoException).code, "ECONNREFUSED")
    })
  )

  it.live("a port that is taken is an error of the layer", () =>
    Effect.gen(function* () {
      const { listeners } = yield* Tusk
      const { host, name, port } = listeners[0]!
      const error = yield* Effect.flip(
        Effect.provide(Effect.asVoid(Tusk), Tusk.layerMemory({ listeners: [{ host, name, port }] }))
      )
      assert.strictEqual(error._tag, "ListenError")
    }).pipe(Effect.provide(Tusk.layerMemory()))
  )
})

describe("the READMEs' examples run as they stand", () => {
  it("a broker in a test file", async () => {
    const [testing] = examples("README.md").filter((code) => code.includes("Tusk.start"))
    await runProgram(testing!)
    const [own] = examples("packages/server/README.md")
    assert.match(await runProgram(own!), /^127\.0\.0\.1:\d+\n$/)
  })

  it("a broker in an Effect app", async () => {
    const [app] = examples("README.md").filter((code) => code.includes("Tusk.layerMemory"))
    const child = spawn(process.execPath, [...asProgram, app!], { cwd: top, stdio: ["ignore", "pipe", "inherit"] })
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()))
    try {
      const port = new Promise<number>((resolve, reject) => {
        let text = ""
        child.stdout.on("data", (chunk: Buffer) => {
          text += chunk.toString()
          const found = /Kafka at 127\.0\.0\.1:(\d+)/.exec(text)
          if (found !== null) resolve(Number(found[1]))
        })
        child.once("exit", () => reject(new Error(`it ended: ${text}`)))
      })
      await using client = await WireClient.connect(await within(port, "its port"))
      assert.lengthOf((await client.call(Metadata, 12, { topics: [] })).brokers, 1)
    } finally {
      child.kill("SIGKILL")
      await ended
    }
  })
})
