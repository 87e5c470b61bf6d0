/**
 * Bars 10: what a topic in objects of `file://` costs beside one in rows. Under the load of `capacity.ts`, 16 connections: bytes
 * of WAL a byte of batches, full-page images apart, and Postgres' CPU a GB. Without a load: CPU of this process a pointer that
 * `Store.commit` stores. One 100 B record in flight: acknowledged and delivered, beside rows and Apache Kafka, and beside an insert
 * of as much into the Postgres of rows, in turns.
 * `node --conditions=tusk-source bench/objects.ts [--rounds 3] [--seconds 4] [--per-round 1000] [--quick] [--json FILE]`
 */
import { NOTHING_TOLD } from "@tusk/storage/port/counters"
import * as PgStore from "@tusk/storage/pg/PgStore"
import { Store } from "@tusk/storage/port/Store"
import { Write } from "@tusk/storage/port/Write"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import process from "node:process"
import { parseArgs } from "node:util"
import { Appends } from "./Appends.ts"
import { median, report } from "./Bars.ts"
import type { Bar } from "./Bars.ts"
import { load } from "./capacity/Load.ts"
import { clearTopic, makeTopic, startSides } from "./capacity/Sides.ts"
import type { RunningSide, SideId } from "./capacity/Sides.ts"
import { startPostgres } from "./EmbeddedPostgres.ts"
import { runBench, settle } from "./Ending.ts"
import type { Ending } from "./Ending.ts"
import { openEmbeddedSql } from "./groups/EmbeddedSql.ts"
import type { Sql } from "./groups/EmbeddedSql.ts"
import { quantile } from "./groups/Report.ts"
import { preciseCpuSeconds } from "./kafka/ProcessTree.ts"
import { oneInFlight } from "./OneInFlight.ts"
import type { OneInFlight } from "./OneInFlight.ts"

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string" },
    seconds: { type: "string" },
    "per-round": { type: "string" },
    quick: { type: "boolean", default: false },
    json: { type: "string" }
  }
})
const rounds = Number(options.rounds ?? (options.quick ? 1 : 3))
const measureMs = Number(options.seconds ?? (options.quick ? 1 : 4)) * 1000
const perRound = Number(options["per-round"] ?? (options.quick ? 200 : 1000))
/** Of each side, before the first round: virtual machines still compile after 10 s of so light a load, by fits of 2 to 6 ms. */
const warmingUp = options.quick ? 200 : 40_000

const PARTITIONS = 16
const CONNECTIONS = 16
/** Parts of produced bytes that WAL may have, by KiB of a batch. */
const MOST_WAL: Readonly<Record<number, number>> = { 16: 0.08, 128: 0.02 }
const SIDES = ["rows", "objects"] as const
type Stored = (typeof SIDES)[number]

/** What a load cost Postgres. */
interface Cost {
  /** Bytes of WAL a byte of batches: of changes, and of images of whole pages. */
  readonly wal: number
  readonly images: number
  /** Seconds of CPU for 1e9 bytes of batches. */
  readonly cpuPerGb: number
}

const one = async (sql: Sql, query: string): Promise<string> => (await sql.rows(query))[0]?.[0] ?? ""

/** Bytes of all batches that are there. */
const BATCHES = "select coalesce(sum(coalesce(object_bytes, octet_length(data))), 0) from kafka.batches"

let made = 0
const costOf = async (side: RunningSide, sql: Sql, kib: number): Promise<Cost> => {
  const topic = `load-${++made}`
  await makeTopic(side, topic, PARTITIONS)
  await settle()
  await sql.rows("checkpoint")
  const postgres = side.postgresPids!
  const [before, from, cpu] = [
    await one(sql, BATCHES),
    await one(sql, "select pg_current_wal_lsn()"),
    preciseCpuSeconds(postgres())
  ]
  const work = { kind: "produce", topic, partitions: PARTITIONS, kib } as const
  await load({ port: side.port, connections: CONNECTIONS, leadMs: 0, measureMs, work }, side.pids)
  const used = preciseCpuSeconds(postgres()) - cpu
  const to = await one(sql, "select pg_current_wal_flush_lsn()")
  const bytes = Number(await one(sql, BATCHES)) - Number(before)
  const [row] = await sql.rows(
    `select sum(record_size), sum(fpi_size) from pg_get_wal_stats('${from}', '${to}') where "resource_manager/record_type" <> ''`
  )
  await clearTopic(side, topic)
  return { wal: Number(row?.[0]) / bytes, images: Number(row?.[1]) / bytes, cpuPerGb: used / (bytes / 1e9) }
}

const costs = async (running: Readonly<Record<Stored, RunningSide>>, kib: number): Promise<ReadonlyArray<Bar>> => {
  const found: Record<Stored, Array<Cost>> = { rows: [], objects: [] }
  const sql = await openEmbeddedSql(running.objects.dataDir!)
  try {
    await sql.rows("create extension if not exists pg_walinspect")
    for (let round = 0; round <= rounds; round++) {
      for (const id of round % 2 === 0 ? SIDES : SIDES.toReversed()) {
        const cost = await costOf(running[id], sql, kib)
        // Round 0 warms up.
        if (round > 0) found[id].push(cost)
      }
    }
  } finally {
    await sql.close()
  }
  const of = (id: Stored, figure: keyof Cost) => median(found[id].map((cost) => cost[figure]))
  const ratio = median(found.objects.map(({ cpuPerGb }, i) => cpuPerGb / found.rows[i]!.cpuPerGb))
  return [
    ...SIDES.flatMap((id): ReadonlyArray<Bar> => [
      {
        bar: "10",
        what: `${kib} KiB, ${id}: WAL a byte, images of pages left out`,
        value: 100 * of(id, "wal"),
        unit: "%",
        ...(id === "objects" ? { most: 100 * MOST_WAL[kib]! } : {})
      },
      { bar: "10", what: `${kib} KiB, ${id}: images of pages a byte`, value: 100 * of(id, "images"), unit: "%" },
      { bar: "10", what: `${kib} KiB, ${id}: CPU of Postgres`, value: of(id, "cpuPerGb"), unit: "s/GB" }
    ]),
    { bar: "10", what: `${kib} KiB: CPU of Postgres for objects beside rows`, value: ratio, unit: "x", most: 0.15 }
  ]
}

/** Microseconds of this process' CPU for each pointer of a commit, with so many of one object in it. */
const pointers = (commits: number, each: number): Promise<number> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const postgres = yield* Effect.acquireRelease(Effect.promise(startPostgres), ({ stop }) => Effect.promise(stop))
        const store = Context.get(yield* Layer.build(PgStore.layer(postgres.options)), Store)
        yield* store.acquire(NOTHING_TOLD)
        const producers = new Appends(16_384, 32)
        let objectId = 0n
        const commit = Effect.suspend(() => {
          objectId++
          const name = `c/i/${objectId}`
          const object = Write.PutObject({ objectId, name, bytes: each * 16_384, createdAt: 1n, merged: false })
          const units = producers
            .take(each)
            .map((append, i) => [object, { ...append, stored: { objectId, position: i * 16_384 } }])
          return store.commit(units)
        })
        yield* Effect.repeat(commit, { times: commits })
        const cpu = process.cpuUsage()
        yield* Effect.repeat(commit, { times: commits - 1 })
        const { system, user } = process.cpuUsage(cpu)
        return (user + system) / (commits * each)
      })
    )
  )

/** A row and its commit, by a session of its own: the least that a record can take. */
const bareInsert = async ({ dataDir }: RunningSide, value: Uint8Array): Promise<OneInFlight> => {
  const sql = await openEmbeddedSql(dataDir!)
  await sql.rows("create table public.bare (id bigint generated always as identity primary key, value bytea)")
  const insert = `insert into public.bare (value) values ('\\x${Buffer.from(value).toString("hex")}')`
  return {
    produceOne: async () => {
      const start = performance.now()
      await sql.rows(insert)
      const took = performance.now() - start
      return { acked: took, delivered: took }
    },
    close: sql.close
  }
}

const INSERT = "a bare insert"

const latencies = async (running: ReadonlyArray<RunningSide>): Promise<ReadonlyArray<Bar>> => {
  const value = Buffer.alloc(100, "x")
  const timed = (name: string, pair: OneInFlight) => {
    const [acked, delivered]: [Array<number>, Array<number>] = [[], []]
    return { name, pair, acked, delivered }
  }
  const pairs = await Promise.all([
    ...running.map(async ({ bootstrap, configs, id, name }) =>
      timed(name, await oneInFlight(bootstrap, `one-${id}`, value, configs))
    ),
    bareInsert(running[0]!, value).then((pair) => timed(INSERT, pair))
  ])
  for (let round = -1; round < rounds; round++) {
    for (const { acked, delivered, pair } of round % 2 === 0 ? pairs : pairs.toReversed()) {
      for (let i = 0; i < (round < 0 ? warmingUp : perRound); i++) {
        const took = await pair.produceOne()
        if (round < 0) continue
        acked.push(took.acked)
        delivered.push(took.delivered)
      }
    }
  }
  await Promise.all(pairs.map(({ pair }) => pair.close()))
  const slowest = (of: string) => quantile(pairs.find(({ name }) => name === of)!.acked, 0.99)
  const beside = slowest(running[0]!.name) / slowest(INSERT)
  return [
    ...pairs.flatMap(({ acked, delivered, name }) =>
      Object.entries({ acknowledged: acked, delivered }).flatMap(([what, values]) =>
        [50, 99].map((part) => ({
          bar: "10",
          what: `one in flight, ${name}: ${what} p${part}`,
          value: quantile(values, part / 100) * 1000,
          unit: "µs"
        }))
      )
    ),
    { bar: "10", what: `one in flight, rows beside ${INSERT}: acknowledged p99`, value: beside, unit: "x", most: 3 }
  ]
}

const measure = async (ending: Ending): Promise<void> => {
  const ids: ReadonlyArray<SideId> = ["rows", "objects", "flushed"]
  const running = await startSides(ids, ending)
  const bars = [...(await latencies(running))]
  for (const kib of [16, 128]) bars.push(...(await costs({ rows: running[0]!, objects: running[1]! }, kib)))
  for (const each of [16, 64]) {
    const value = await pointers(options.quick ? 200 : 2000, each)
    const limit = each === 64 ? { most: 5 } : {}
    bars.push({ bar: "10", what: `CPU of Node a pointer, ${each} in a commit`, value, unit: "µs", ...limit })
  }
  report(bars, options.json)
}

await runBench(measure)
