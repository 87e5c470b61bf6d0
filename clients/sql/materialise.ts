/**
 * A topic as a table, with real processes: `npm run test:materialise [-- --seconds 60] [--kills 6] [--writers 6]
 * [--rate 3000]`. A session locks the table while clients produce (bar 3 of `kafka.materialise`); then the broker is killed again and again. In the end
 * the table holds the latest value of each key. A line a check; ends with 1 if one failed.
 */
import { performance } from "node:perf_hooks"
import { parseArgs } from "node:util"
import { runBench } from "../../bench/Ending.ts"
import { holdsWithin, sleep } from "../../bench/groups/Report.ts"
import { createTopic } from "../failover/Asking.ts"
import { Report } from "../failover/Report.ts"
import { readPartition } from "./Log.ts"
import { startWorld } from "./World.ts"
import type { World } from "./World.ts"
import { PER_BATCH, Writer } from "./Writers.ts"

const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    kills: { type: "string", default: "6" },
    writers: { type: "string", default: "6" },
    rate: { type: "string", default: "3000" }
  }
})
const [seconds, kills, count, rate] = [options.seconds, options.kills, options.writers, options.rate].map(Number) as [
  number,
  number,
  number,
  number
]

const TOPIC = "orders"
const TABLE = "public.orders_latest"
const PARTITIONS = 3
/** How long a table that was held up for a minute may take until it has what was produced meanwhile. */
const CATCH_UP_MS = 60_000

const startWriters = ({ bootstrap }: World, round: string): ReadonlyArray<Writer> =>
  Array.from({ length: count }, (_, i) => {
    const everyMs = (1000 * PER_BATCH * count) / rate
    return new Writer({ bootstrap, topic: TOPIC, partition: i % PARTITIONS, name: `${round}${i}`, everyMs })
  })

const acknowledged = (writers: ReadonlyArray<Writer>): number =>
  writers.reduce((sum, writer) => sum + writer.acknowledged, 0)

/** Records a second that are acknowledged while something is done. */
const rateOver = async (writers: ReadonlyArray<Writer>, work: () => Promise<void>): Promise<number> => {
  const [before, began] = [acknowledged(writers), performance.now()]
  await work()
  return (acknowledged(writers) - before) / ((performance.now() - began) / 1000)
}

const stop = async (writers: ReadonlyArray<Writer>): Promise<void> => {
  for (const writer of writers) writer.stop()
  await Promise.all(writers.map((writer) => writer.ended))
}

const lag = (world: World): Promise<number> =>
  world.server.number("select coalesce(sum(lag), -1) from kafka.materialised")

/** The latest value of each key, out of the log, against the rows. */
const judge = async ({ bootstrap, report, server }: World, what: string): Promise<void> => {
  const latest = new Map<string, string>()
  let records = 0
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const read = await readPartition(bootstrap, TOPIC, partition)
    records += read.records.length
    for (const { key, offset, value } of read.records) {
      if (value === "") latest.delete(key)
      else latest.set(key, `${(JSON.parse(value) as { readonly n: number }).n} ${partition} ${offset}`)
    }
  }
  const rows = await server.query(`select key, n || ' ' || part || ' ' || at from ${TABLE}`)
  const wrong = rows.filter(([key, row]) => latest.get(key!) !== row).map(([key, row]) => `${key}: ${row}`)
  const there = new Set(rows.map(([key]) => key))
  report.none(`${what}: rows that are not the latest value of their key`, wrong)
  report.none(
    `${what}: keys without a row`,
    Array.from(latest.keys()).filter((key) => !there.has(key))
  )
  report.note(what, `${records} records, ${rows.length} rows`)
}

/** Bar 3: produce keeps its rate while the table is locked, and the table catches up. */
const locked = async (world: World): Promise<void> => {
  const { report, server, session } = world
  const writers = startWriters(world, "a")
  await rateOver(writers, () => sleep(5000))
  const free = await rateOver(writers, () => sleep(seconds * 500))
  const holder = await session()
  await holder.query(`begin; lock table ${TABLE}`)
  const held = await rateOver(writers, () => sleep(seconds * 1000))
  const standing = await server.query("select error from kafka.materialised where stands_since is not null limit 1")
  const behind = await lag(world)
  await holder.query("commit")
  const began = performance.now()
  const after = await rateOver(writers, () => sleep(5000))
  await stop(writers)
  const hasCaughtUp = await holdsWithin(CATCH_UP_MS, async () => (await lag(world)) === 0, 50)
  const tookMs = performance.now() - began
  const slowest = Math.max(...writers.map(({ slowestMs }) => slowestMs))
  report.check(
    "locked: records/s beside free",
    held >= free * 0.9,
    `${held.toFixed(0)} and ${free.toFixed(0)}`,
    "at least 0.9x"
  )
  report.note("locked: records/s while it catches up", after.toFixed(0))
  report.check("locked: slowest acknowledgement", slowest < 5000, `${slowest.toFixed(0)} ms`, "below 5 s")
  report.check(
    "locked: kafka.materialised says why",
    /lock/.test(standing[0]?.[0] ?? ""),
    standing[0]?.[0] ?? "nothing",
    "a lock"
  )
  report.check("locked: catches up", hasCaughtUp, `${behind} records in ${(tookMs / 1000).toFixed(1)} s`, "within 60 s")
  await judge(world, "locked")
}

/** The broker is killed while it writes rows: none is lost, and none is older than the log has it. */
const killed = async (world: World): Promise<void> => {
  const { broker, report } = world
  const writers = startWriters(world, "b")
  for (let kill = 0; kill < kills; kill++) {
    await sleep(2000 + Math.random() * 3000)
    await broker.kill()
    await sleep(Math.random() * 1000)
    await broker.start()
  }
  await sleep(2000)
  await stop(writers)
  const hasCaughtUp = await holdsWithin(CATCH_UP_MS, async () => (await lag(world)) === 0, 50)
  report.check("killed: catches up", hasCaughtUp, `${kills} kills`, "lag 0")
  await judge(world, "killed")
}

await runBench(async (ending) => {
  const report = new Report()
  const world = await startWorld(ending, report)
  if (typeof world === "string") report.skip("materialise", world)
  else {
    await createTopic(world.bootstrap, TOPIC, PARTITIONS)
    await world.server.query(`select kafka.materialise('${TOPIC}', '${TABLE}',
      '{"n": "bigint", "writer": "text", "part": {"from": "partition"}, "at": {"from": "offset"}}')`)
    await locked(world)
    await killed(world)
  }
  report.summary()
})
