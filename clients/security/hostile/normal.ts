/** The process of `NormalClient`: `normal.ts PORT CERTIFICATE`. */
import { Metadata } from "@tusk/protocol/messages/Metadata"
import process from "node:process"
import { sleep } from "../../../bench/groups/Report.ts"
import { WireClient } from "../../../packages/server/test/WireClient.ts"
import type { Told } from "./NormalClient.ts"

const REQUEST_INTERVAL_MS = 5
const CONNECT_INTERVAL_MS = 500

const [port, ca] = [Number(process.argv[2]), process.argv[3]!]
const empty = () => ({
  requestsMs: [] as Array<number>,
  connectsMs: [] as Array<number>,
  failures: [] as Array<string>
})
let told: Told & ReturnType<typeof empty> = empty()

const connect = () => WireClient.connectTls(port, { ca })
const ask = async (client: WireClient) => {
  const { brokers } = await client.call(Metadata, 12, { topics: [] })
  if (brokers.length !== 1) throw new Error("Metadata names no broker")
}
const timed = async (times: "requestsMs" | "connectsMs", work: () => Promise<unknown>) => {
  const begunMs = performance.now()
  try {
    await work()
    told[times].push(performance.now() - begunMs)
  } catch (error) {
    told.failures.push(`${times}: ${String(error)}`)
  }
}

const client = await connect()
process.on("message", () => {
  process.send!(told)
  told = empty()
})
process.on("disconnect", () => process.exit())

const requests = async () => {
  while (!client.isClosed) {
    const dueMs = performance.now() + REQUEST_INTERVAL_MS
    await timed("requestsMs", () => ask(client))
    await sleep(Math.max(0, dueMs - performance.now()))
  }
  told.failures.push("its connection was closed")
}
const connects = async () => {
  for (;;) {
    await timed("connectsMs", async () => {
      const another = await connect()
      await ask(another)
      await another[Symbol.asyncDispose]()
    })
    await sleep(CONNECT_INTERVAL_MS)
  }
}
void requests()
void connects()
process.send!(told)
