/**
 * Bar 6: what an append costs where much is stored and where little is: two Postgres servers of the same kind, filled with
 * `--gigabytes` and with 100 MB, appended to in turns; CPU and WAL of each append, and rates. Then the same server with a
 * repeatable-read transaction held open: rates of appends and of offset commits beside those before it.
 * `node --conditions=tusk-source bench/size.ts [--gigabytes 10] [--rounds 7] [--hold-seconds 600] [--json FILE]`
 */
import { Connection } from "@tusk/storage/pg/connection/Connection"
import * as PgStore from "@tusk/storage/pg/PgStore"
import { Store, Write } from "@tusk/storage/Store"
import type { Unit } from "@tusk/storage/Store"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { parseArgs } from "node:util"
import { Appends } from "./Appends.ts"
import { median, report } from "./Bars.ts"
import { startPostgres } from "./EmbeddedPostgres.ts"
import { sleep } from "./groups/Report.ts"
import { cpuSeconds } from "./kafka/ProcessTree.ts"

const { values: options } = parseArgs({
  options: {
    gigabytes: { type: "string", default: "10" },
    rounds: { type: "string", default: "7" },
    "hold-seconds": { type: "string", default: "600" },
    json: { type: "string" }
  }
})

const PARTITIONS = 32
const BYTES = 16 * 1024
const PER_COMMIT = 64
const COMMITS = 60
const GROUPS = 50

interface Cost {
  /** Of Postgres, all its processes, in microseconds an append. */
  readonly cpu: number
  readonly wal: number
  readonly appendsPerSecond: number
}

const openSide = Effect.gen(function* () {
  const postgres = yield* Effect.acquireRelease(Effect.promise(startPostgres), ({ stop }) => Effect.promise(stop))
  const store = Context.get(yield* Layer.build(Layer.fresh(PgStore.layer(postgres.options))), Store)
  yield* store.acquire
  const connect = Effect.acquireRelease(Connection.open(postgres.target, "bench"), (each) => each.close())
  const sql = yield* connect
  let from = 0n

  const fill = (bytes: number) =>
    Effect.gen(function* () {
      const appends = new Appends(128 * 1024, PARTITIONS, from)
      for (let filled = 0; filled < bytes; filled += PER_COMMIT * 128 * 1024)
        yield* store.commit([appends.take(PER_COMMIT)])
      from += BigInt(Math.ceil(bytes / (PARTITIONS * 128 * 1024)) * 10 + 1000)
      yield* sql.query("checkpoint")
    })

  const append = (commits: number) =>
    Effect.gen(function* () {
      const appends = new Appends(BYTES, PARTITIONS, from)
      const [wal] = yield* sql.query("select pg_current_wal_insert_lsn() - '0/0'")
      const cpu = cpuSeconds([postgres.pid])
      const start = performance.now()
      for (let i = 0; i < commits; i++) yield* store.commit([appends.take(PER_COMMIT)])
      const elapsed = performance.now() - start
      const [after] = yield* sql.query("select pg_current_wal_insert_lsn() - '0/0'")
      from += BigInt(Math.ceil((commits * PER_COMMIT) / PARTITIONS) * 10)
      const count = commits * PER_COMMIT
      return {
        cpu: ((cpuSeconds([postgres.pid]) - cpu) * 1e6) / count,
        wal: (Number(after![0]) - Number(wal![0])) / count,
        appendsPerSecond: (count / elapsed) * 1000
      } satisfies Cost
    })

  let offset = 0n
  /** Commits of offsets: 50 groups of 32 partitions at a time. */
  const commitOffsets = (commits: number) =>
    Effect.gen(function* () {
      const start = performance.now()
      for (let i = 0; i < commits; i++) {
        offset++
        const units: Array<Unit> = Array.from({ length: GROUPS }, (_, group) =>
          Array.from({ length: PARTITIONS }, (_, k) =>
            Write.PutOffset({
              groupId: `group-${group}`,
              partitionId: k + 1,
              offset,
              leaderEpoch: 1,
              metadata: "",
              commitTimestamp: 1_700_000_000_000n,
              expireTimestamp: -1n
            })
          )
        )
        yield* store.commit(units)
      }
      return ((commits * GROUPS) / (performance.now() - start)) * 1000
    })

  yield* store.commit([
    [
      Write.PutTopic({ topicId: "AAAAAAAAAAAAAAAAAAAAAA", name: "t" }),
      ...Array.from({ length: PARTITIONS }, (_, index) =>
        Write.PutPartition({ topicId: "AAAAAAAAAAAAAAAAAAAAAA", index, partitionId: index + 1 })
      )
    ]
  ])
  return { append, commitOffsets, connect, fill }
})

const program = Effect.gen(function* () {
  const large = yield* openSide
  const small = yield* openSide
  yield* large.fill(Number(options.gigabytes) * 1e9)
  yield* small.fill(1e8)
  const costs: { readonly large: Array<Cost>; readonly small: Array<Cost> } = { large: [], small: [] }
  for (let round = 0; round <= Number(options.rounds); round++) {
    const [a, b] =
      round % 2 === 0
        ? [yield* large.append(COMMITS), yield* small.append(COMMITS)]
        : [yield* small.append(COMMITS), yield* large.append(COMMITS)].toReversed()
    if (round === 0) continue
    costs.large.push(a!)
    costs.small.push(b!)
  }
  const ratio = (pick: (cost: Cost) => number) =>
    median(costs.large.map((cost, i) => pick(cost) / pick(costs.small[i]!)))

  const rates = Effect.gen(function* () {
    const appends = yield* small.append(COMMITS)
    return { appends: appends.appendsPerSecond, offsets: yield* small.commitOffsets(20) }
  })
  const before = [yield* rates, yield* rates, yield* rates]
  const holder = yield* small.connect
  // Ours ends sessions that idle in a transaction: this one shall.
  yield* holder.query("set idle_in_transaction_session_timeout = 0")
  yield* holder.query("begin isolation level repeatable read; select count(*) from kafka.offsets")
  const until = performance.now() + Number(options["hold-seconds"]) * 1000
  const held: Array<{ readonly appends: number; readonly offsets: number }> = []
  do {
    held.push(yield* rates)
    yield* Effect.promise(() => sleep(Math.max(0, Math.min(10_000, until - performance.now()))))
  } while (performance.now() < until)
  // At the end it has been held longest.
  const last = [yield* rates, yield* rates, yield* rates]
  yield* holder.query("rollback")
  const heldRatio = (pick: (rate: { readonly appends: number; readonly offsets: number }) => number) =>
    median(last.map(pick)) / median(before.map(pick))

  report(
    [
      {
        bar: "6",
        what: `CPU of Postgres an append, at ${options.gigabytes} GB`,
        value: median(costs.large.map(({ cpu }) => cpu)),
        unit: "µs"
      },
      {
        bar: "6",
        what: "CPU of Postgres an append, at 100 MB",
        value: median(costs.small.map(({ cpu }) => cpu)),
        unit: "µs"
      },
      { bar: "6", what: "ratio of CPU", value: ratio(({ cpu }) => cpu), unit: "x", least: 0, most: 1.15 },
      { bar: "6", what: "ratio of WAL", value: ratio(({ wal }) => wal), unit: "x", least: 0, most: 1.15 },
      {
        bar: "6",
        what: "ratio of rates",
        value: ratio(({ appendsPerSecond }) => appendsPerSecond),
        unit: "x",
        least: 0.7
      },
      {
        bar: "6",
        what: `snapshot held ${options["hold-seconds"]} s: appends`,
        value: heldRatio(({ appends }) => appends),
        unit: "x",
        least: 0.7
      },
      {
        bar: "6",
        what: `snapshot held ${options["hold-seconds"]} s: offset commits`,
        value: heldRatio(({ offsets }) => offsets),
        unit: "x",
        least: 0.7
      }
    ],
    options.json
  )
}).pipe(Effect.scoped)

await Effect.runPromise(program)
process.exit()
