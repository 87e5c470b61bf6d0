import { expect, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const top = fileURLToPath(new URL("../../../", import.meta.url))

/** What a program prints that ends by itself. */
const outputOf = async (code: string): Promise<string> => {
  const args = ["--conditions=tusk-source", "--input-type=module-typescript", "--eval", code]
  return (await promisify(execFile)(process.execPath, args, { cwd: top, timeout: 60_000 })).stdout.trim()
}

/** Uses a broker by a client and without one, and never stops it. */
const program = (options: string, end: string) => `
  import { Tusk } from "@tusk/test"
  import { Kafka, logLevel } from "kafkajs"
  const kafka = await Tusk.start(${options})
  const producer = new Kafka({ brokers: [kafka.bootstrapServers], logLevel: logLevel.NOTHING }).producer()
  await producer.connect()
  await producer.send({ topic: "orders", messages: [{ value: "by a client" }] })
  await kafka.produce("orders", [{ value: "without one" }])
  kafka.faults.delay({ api: "Produce", ms: 3_600_000 })
  const values = (await kafka.awaitRecords("orders", 2)).map(({ valueText }) => valueText)
  await producer.disconnect()
  console.log(JSON.stringify({ values, databaseUrl: kafka.databaseUrl }))
  ${end}`

it.each(["{}", '{ topics: ["orders"] }', '{ clock: "manual" }'])(
  "a broker that was not stopped does not keep its process: %s",
  { timeout: 60_000 },
  async (options) => {
    expect(JSON.parse(await outputOf(program(options, "")))).toEqual({ values: ["by a client", "without one"] })
  }
)

it("neither does one that nobody used", { timeout: 60_000 }, async () => {
  expect(await outputOf(`import { Tusk } from "@tusk/test"; console.log((await Tusk.start()).host)`)).toBe("127.0.0.1")
})

it.each([
  ["ends by itself", ""],
  ["is killed", 'process.kill(process.pid, "SIGKILL")']
])(
  "the Postgres of a broker that was not stopped is gone with its process, which %s",
  { timeout: 60_000 },
  async (_, end) => {
    const printed = await outputOf(program('{ storage: "embedded" }', end)).catch(({ stdout }) => String(stdout))
    const { databaseUrl, values } = JSON.parse(printed) as { databaseUrl: string; values: ReadonlyArray<string> }
    expect(values).toEqual(["by a client", "without one"])
    const folder = new URL(databaseUrl).searchParams.get("host")!
    // The server takes its socket away, and then its folder goes.
    await expect.poll(() => existsSync(folder), { timeout: 10_000 }).toBe(false)
  }
)

it("is ready soon after import: the bar is 50 ms on a machine of its own", async () => {
  const took = Number(
    await outputOf(`
      const { Tusk } = await import("@tusk/test")
      const began = performance.now()
      await using kafka = await Tusk.start({ topics: ["orders"] })
      console.log(performance.now() - began)`)
  )
  console.info(`Tusk.start() after import: ${took.toFixed(1)} ms`)
  expect(took).toBeLessThan(250)
})
