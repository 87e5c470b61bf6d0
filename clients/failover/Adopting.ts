/** What scenarios of objects share: stores, topics, and what a broker says whose objects are another database's. */
import { DeleteTopics } from "@tusk/protocol/messages/DeleteTopics"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { join } from "node:path"
import { withWire } from "../../bench/groups/Target.ts"
import { Writer } from "../objects/Writer.ts"
import { createTopic, fetch, retrying } from "./Asking.ts"
import type { Broker } from "./Broker.ts"
import { DAY_S } from "./earlier.ts"
import { seconds } from "./Judging.ts"
import type { Server } from "./Server.ts"
import { Store } from "./Store.ts"
import type { World } from "./World.ts"

/** A collector that takes what it may as soon as it may. */
export const KEEN = {
  "tusk.log.storage": "object",
  "tusk.object.delete.delay.ms": "1000",
  "tusk.object.collect.interval.ms": "1000",
  "tusk.object.merge.interval.ms": "1000",
  // Clients' clocks are far ahead of those of a broker that lives in the past.
  "log.message.timestamp.after.max.ms": `${10 * DAY_S * 1000}`
}
export const ASKS_TO_ADOPT = /objects are neither read nor written: .*tusk object adopt/
/** A broker says so soon that it may not. */
export const SAID_MS = 10_000
const RETRIABLE = new Set([3, 5, 6, 7, 9, 56])

export const storeOf = (world: World, name: string): Store => new Store(join(world.installed.root, name))

/** A topic of so many batches, in an object of its own. */
export const filled = async (broker: Broker, topic: string, batches: number): Promise<void> => {
  const bootstrap = `127.0.0.1:${broker.port}`
  await broker.start()
  await createTopic(bootstrap, topic, 1)
  const writer = new Writer(bootstrap, topic, 0)
  await writer.until(batches)
  await broker.stop()
  if (writer.errors.length > 0) throw new Error(writer.errors[0])
}

export const deleted = (bootstrap: string, name: string): Promise<void> =>
  retrying(bootstrap, `deleting ${name}`, async (wire) => {
    const { responses } = await wire.call(DeleteTopics, 6, { topics: [{ name }], timeoutMs: 5000 })
    const code = responses[0]!.errorCode
    if (code !== 0 && code !== 3) throw new Error(`DeleteTopics is answered ${code}`)
  })

/** How a produce and a fetch of a topic are answered: codes, and after how many milliseconds. */
const answered = (bootstrap: string, topic: string): Promise<ReadonlyArray<{ code: number; ms: number }>> =>
  withWire(bootstrap, async (wire) => {
    const timed = async (ask: Promise<number>) => {
      const from = performance.now()
      return { code: await ask, ms: performance.now() - from }
    }
    const records = RecordBatch.encodeBatch([{ timestamp: 0n, key: null, value: Buffer.from("refused") }])
    const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }]
    const produced = await timed(
      wire
        .call(Produce, 9, { acks: -1, timeoutMs: 30_000, topicData })
        .then(({ responses }) => responses[0]!.partitionResponses[0]!.errorCode)
    )
    const fetched = await timed(fetch(wire, topic, [{ partition: 0, offset: 0 }]).then(([found]) => found!.errorCode))
    return [produced, fetched]
  })

export const judgeRefusal = async (world: World, name: string, bootstrap: string, topic: string): Promise<void> => {
  const answers = await answered(bootstrap, topic)
  world.report.check(
    `${name}: before the adoption produce and fetch are refused`,
    answers.every(({ code, ms }) => RETRIABLE.has(code) && ms <= SAID_MS),
    answers.map(({ code, ms }) => `${code} after ${seconds(ms)}`).join(", "),
    `retriable, within ${seconds(SAID_MS)}`
  )
}

export const judgeCheck = async (world: World, name: string, store: Store, server: Server): Promise<void> => {
  const { code, output } = await store.check(server)
  world.report.check(`${name}: tusk object check --deep`, code === 0, `${code} ${output}`, "0")
}
