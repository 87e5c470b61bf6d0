import { performance } from "node:perf_hooks"
import { holdsWithin, sleep } from "../../bench/groups/Report.ts"
import { createTopic } from "../failover/Asking.ts"
import { readPartition } from "./Log.ts"
import type { Found } from "./Log.ts"
import { longestMs, pgbench } from "./Pgbench.ts"
import type { World } from "./World.ts"

const PARTITIONS = 4
/** Tables with a primary key, and by which column. */
const KEYED = [
  ["accounts", "aid"],
  ["tellers", "tid"],
  ["branches", "bid"]
] as const
const tableOf = (name: string) => `public.pgbench_${name}`

export interface ReplayOptions {
  readonly seconds: number
  readonly kills: number
  /** pgbench's: 100,000 accounts each. */
  readonly scale: number
}

const allOf = async (bootstrap: string, topic: string): Promise<ReadonlyArray<Found>> => {
  const found: Array<Found> = []
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const { records } = await readPartition(bootstrap, topic, partition)
    for (const record of records) found.push(record)
  }
  return found
}

/** The newest value of each key. */
const replayed = (records: ReadonlyArray<Found>): ReadonlyMap<string, string> => {
  const rows = new Map<string, string>()
  for (const { isTombstone, key, value } of records) {
    if (isTombstone) rows.delete(String(key))
    else rows.set(String(key), value)
  }
  return rows
}

/** Keys whose row is another one in the table than in the topic, or in one of the two alone. */
const differences = async (
  { session }: World,
  table: string,
  key: string,
  rows: ReadonlyMap<string, string>
): Promise<ReadonlyArray<string>> => {
  const sql = await session()
  const there = await sql.query(`select ${key}::text, row_to_json(t)::text from ${table} t`)
  sql.close()
  const wrong = there.flatMap(([id, row]) =>
    rows.get(id!) === row ? [] : [`${key} ${id}: ${rows.get(id!)} for ${row}`]
  )
  return rows.size === there.length ? wrong : [...wrong, `${rows.size} keys for ${there.length} rows`]
}

const killed = async ({ broker }: World, { kills, seconds }: ReplayOptions): Promise<void> => {
  for (let kill = 0; kill < kills; kill++) {
    await sleep((seconds * 1000) / (kills + 1))
    await broker.kill()
    await sleep(Math.random() * 2000)
    await broker.start()
  }
}

/** pgbench runs while its tables are published and read, and the broker is killed: the topics give the tables (bar 2). */
export const replayGivesTheTables = async (world: World, options: ReplayOptions): Promise<void> => {
  const { bootstrap, report, server, session } = world
  await pgbench(server.port, ["-i", "-q", "-s", String(options.scale)])
  for (const name of [...KEYED.map(([each]) => each), "history"]) await createTopic(bootstrap, name, PARTITIONS)
  const sql = await session()
  await sql.query(
    `select kafka.publish_table('${tableOf("history")}', topic => 'history', key => 'aid', snapshot => false)`
  )
  const log = await longestMs(async (flags) => {
    const load = pgbench(server.port, ["-n", "-c", "8", "-j", "2", "-T", String(options.seconds), ...flags])
    // Tables are published while they are written.
    await sleep(2000)
    const began = performance.now()
    for (const [name, key] of KEYED) {
      await sql.query(`select kafka.publish_table('${tableOf(name)}', topic => '${name}', key => '${key}')`)
    }
    report.note("replay: three tables are published in ms", (performance.now() - began).toFixed(0))
    await Promise.all([load, killed(world, options)])
  })
  report.note("replay: the slowest transactions of pgbench in ms", log)
  const isRead = await holdsWithin(
    120_000,
    async () =>
      (await server.number("select count(*) from kafka.publications where state <> 'live'")) === 0 &&
      (await server.number("select count(*) from kafka.outbox")) === 0,
    200
  )
  const [rows] = await sql.query(
    "select string_agg(topic || ' ' || state || ' ' || snapshot_rows || coalesce(error, ''), ', ') from kafka.publications"
  )
  report.check("replay: all is read and taken in the end", isRead, String(rows?.[0]), "no outbox, all live")
  for (const [name, key] of KEYED) {
    const records = await allOf(bootstrap, name)
    const wrong = await differences(world, tableOf(name), key, replayed(records))
    report.none(`replay: ${name}, of ${records.length} records: rows that differ`, wrong)
  }
  const values = (await allOf(bootstrap, "history")).map(({ value }) => value).toSorted()
  const there = await sql.query(`select row_to_json(t)::text from ${tableOf("history")} t`)
  const wanted = there.map(([row]) => row!).toSorted()
  report.none(
    `replay: history, of ${values.length} records: rows that differ`,
    wanted
      .filter((row, i) => values[i] !== row)
      .concat(values.length === wanted.length ? [] : [`${wanted.length} rows`])
  )
  sql.close()
}
