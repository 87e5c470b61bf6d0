import { DeleteTopics } from "@tusk/protocol/messages/DeleteTopics"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { sleep } from "../../../bench/groups/Report.ts"
import { withWire } from "../../../bench/groups/Target.ts"
import { createTopic } from "../Asking.ts"
import { judge, seconds } from "../Judging.ts"
import type { Scenario } from "../World.ts"
import { epochOf, until } from "../World.ts"

/** What a small commit may take once the way is free. */
const AFTER_MS = 3000
const LARGE = { "message.max.bytes": "20000000", "socket.request.max.bytes": "50000000" }

const slowLink: Scenario = {
  name: "slow-link",
  what: "a batch of 16 MiB over a link of 2 MB/s to Postgres, beside small ones (A1)",
  run: async (world) => {
    const { report } = world
    const server = await world.server("server")
    const database = await world.proxy(server.port)
    const broker = await world.broker({ database: database.port, settings: LARGE })
    await broker.start()
    const bootstrap = `127.0.0.1:${broker.port}`
    await createTopic(bootstrap, "large", 1, { "max.message.bytes": "20000000" })
    const load = await world.load({ bootstrap, timeoutMs: 30_000 })
    await load.flows()
    const epoch = await epochOf(server)
    database.bytesPerSecond = 2_000_000
    const from = Date.now()
    const code = await withWire(bootstrap, async (wire) => {
      const value = Buffer.alloc(16 << 20, "x")
      const records = RecordBatch.encodeBatch([{ timestamp: BigInt(from), key: null, value }])
      const answer = await wire.call(Produce, 9, {
        acks: -1,
        timeoutMs: 60_000,
        topicData: [{ name: "large", partitionData: [{ index: 0, records }] }]
      })
      return answer.responses[0]!.partitionResponses[0]!.errorCode
    })
    const took = Date.now() - from
    report.check("slow-link: the large batch", code === 0, `code ${code} after ${seconds(took)}`, "stored")
    database.bytesPerSecond = undefined
    await sleep(1000)
    const taken = (await epochOf(server)) - epoch
    report.check("slow-link: take-overs", taken === 0, `${taken}`, "0")
    // Others wait behind it at most.
    const pause = { from, most: took + AFTER_MS, bar: "the large one's time + 3 s" }
    await judge(report, "slow-link", load, { pause })
  }
}

const LOCKED_MS = 8000

const lockedTable: Scenario = {
  name: "locked-table",
  what: "somebody locks kafka.batches for 8 s (A1)",
  run: async (world) => {
    const server = await world.server("server")
    const broker = await world.broker({ database: server.port })
    await broker.start()
    const load = await world.load({ bootstrap: `127.0.0.1:${broker.port}`, timeoutMs: 30_000 })
    await load.flows()
    const epoch = await epochOf(server)
    const from = Date.now()
    await server.query(`lock table kafka.batches in access exclusive mode; select pg_sleep(${LOCKED_MS / 1000})`)
    await sleep(2000)
    const taken = (await epochOf(server)) - epoch
    world.report.check("locked-table: take-overs", taken === 0, `${taken}`, "0")
    const pause = { from, most: LOCKED_MS + AFTER_MS, bar: "the lock + 3 s" }
    await judge(world.report, "locked-table", load, { pause })
  }
}

const ROWS = 600
const ROW_BYTES = 5_000_000

const deleteLarge: Scenario = {
  name: "delete-large",
  what: `a topic of ${ROWS} batches of 5 MB each is deleted beside small produces, and the broker restarts within (A1)`,
  run: async (world) => {
    const { report } = world
    const server = await world.server("server", { wal_keep_size: "0", wal_level: "minimal", max_wal_senders: "0" })
    const broker = await world.broker({ database: server.port })
    await broker.start()
    const bootstrap = `127.0.0.1:${broker.port}`
    await createTopic(bootstrap, "large", 1)
    await broker.stop()
    const id = await server.number("select partition_id from kafka.partitions join kafka.topics using (topic_id)")
    await server.query(
      `insert into kafka.batches select ${id}, 1, g, g, 1, 1, ${ROW_BYTES}::bigint * g, -1, -1, -1,
         decode(repeat('00', ${ROW_BYTES}), 'hex') from generate_series(0, ${ROWS - 1}) g`,
      undefined,
      120_000
    )
    await server.query("checkpoint")
    await broker.start()
    const load = await world.load({ bootstrap, idempotent: 1, plain: 1, timeoutMs: 30_000 })
    await load.flows()
    const from = Date.now()
    const epoch = await epochOf(server)
    const deleted = await withWire(bootstrap, (wire) =>
      wire.call(DeleteTopics, 5, { topicNames: ["large"], timeoutMs: 1000 })
    )
    report.note("delete-large: DeleteTopics", `code ${deleted.responses[0]?.errorCode}`)
    await sleep(1500)
    const stopping = await broker.stop()
    report.check("delete-large: a stop", stopping <= 5000, seconds(stopping), "at most 5 s")
    const restarted = Date.now()
    await broker.start()
    const away = stopping + Date.now() - restarted
    await until(
      "the partition is gone",
      90_000,
      async () => (await server.number(`select count(*) from kafka.partitions where partition_id = ${id}`)) === 0
    )
    report.note("delete-large: gone", `${seconds(Date.now() - from)} after DeleteTopics`)
    // The restart raises it by one.
    const taken = (await epochOf(server)) - epoch - 1
    report.check("delete-large: take-overs", taken === 0, `${taken}`, "0")
    const left = await server.number(`select count(*) from kafka.batches where partition_id = ${id}`)
    report.check("delete-large: rows left", left === 0, `${left}`, "0")
    const bar = `restart of ${seconds(away)} + ${seconds(AFTER_MS)}`
    await judge(report, "delete-large", load, { pause: { from, most: away + AFTER_MS, bar } })
  }
}

export const slow: ReadonlyArray<Scenario> = [slowLink, lockedTable, deleteLarge]
