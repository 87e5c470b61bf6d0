/**
 * Bar 6: what an append costs where much is stored and where little is: two Postgres servers of the same kind, filled with
 * `--gb` and with 0.1 GB of 16 KiB batches, appended to in turns; CPU and WAL of each append, and rates. Then a
 * repeatable-read transaction is held open on the small one for `--hold` seconds, both take the same appends and offset
 * commits every 5 s, and the small one's rates at the end stand beside those of the other.
 * `node --conditions=tusk-source bench/size.ts [--gb 10] [--rounds 7] [--hold 60] [--quick] [--json FILE]`; the bar says
 * ten minutes, `--hold 600`; `--quick` is 1 GB and 20 s.
 */
import { NOTHING_TOLD } from "@tusk/storage/port/counters"
import { connect } from "@tusk/storage/pg/connection/connect"
import * as PgStore from "@tusk/storage/pg/PgStore"
import { Store } from "@tusk/storage/port/Store"
import { Write } from "@tusk/storage/port/Write"
import type { Unit } from "@tusk/storage/port/Write"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { parseArgs } from "node:util"
import { Appends } from "./Appends.ts"
import { median, report } from "./Bars.ts"
import type { Bar } from "./Bars.ts"
import { startPostgres } from "./EmbeddedPostgres.ts"
import { runBench } from "./Ending.ts"
import type { Ending } from "./Ending.ts"
import { sleep } from "./groups/Report.ts"
import { preciseCpuSeconds } from "./kafka/ProcessTree.ts"

const { values: options } = parseArgs({
  options: {
    gb: { type: "string" },
    rounds: { type: "string" },
    hold: { type: "string" },
    quick: { type: "boolean", default: false },
    json: { type: "string" }
  }
})
const gigabytes = Number(options.gb ?? (options.quick ? 1 : 10))
const rounds = Number(options.rounds ?? (options.quick ? 3 : 7))
const holdSeconds = Number(options.hold ?? (options.quick ? 20 : 60))

const PARTITIONS = 32
const PER_COMMIT = 64
/** Bytes of a batch, and how many commits a measurement takes: what is little stays little. */
const SIZES = [
  { bytes: 1024, commits: 300 },
  { bytes: 16_384, commits: 30 }
] as const
const GROUPS = 50
const LOAD_EVERY_MS = 5000

interface Cost {
  /** Of Postgres, all its processes, in microseconds an append. */
  readonly cpu: number
  readonly wal: number
  readonly appendsPerSecond: number
}

interface Rates {
  readonly appends: number
  readonly offsets: number
}

const openSide = (ending: Ending) =>
  Effect.gen(function* () {
    const postgres = yield* Effect.promise(() => ending.stopping(startPostgres()))
    const store = Context.get(yield* Layer.build(Layer.fresh(PgStore.layer(postgres.options))), Store)
    yield* store.acquire(NOTHING_TOLD)
    const session = Effect.acquireRelease(connect(postgres.target, "bench"), (each) => each.close(""))
    const sql = yield* session
    let from = 0n

    /** Commits of as many batches; the partitions' ends move on. */
    const commit = (commits: number, bytes: number, perCommit = PER_COMMIT) =>
      Effect.gen(function* () {
        const appends = new Appends(bytes, PARTITIONS, from)
        for (let i = 0; i < commits; i++) yield* store.commit([appends.take(perCommit)])
        from += BigInt(Math.ceil((commits * perCommit) / PARTITIONS) * 10)
      })

    const fill = (bytes: number) =>
      Effect.gen(function* () {
        const start = performance.now()
        yield* commit(Math.ceil(bytes / (256 * 16_384)), 16_384, 256)
        const seconds = (performance.now() - start) / 1000
        console.log(
          `filled with ${bytes / 1e9} GB in ${seconds.toFixed(0)} s (${(bytes / 1e6 / seconds).toFixed(0)} MB/s)`
        )
      })

    const walPosition = Effect.map(sql.query("select pg_current_wal_insert_lsn() - '0/0'"), ([row]) => Number(row![0]))

    /** What one measurement's appends cost, just after a checkpoint: each begins with as many whole pages in the WAL. */
    const append = (bytes: number, commits: number) =>
      Effect.gen(function* () {
        yield* sql.query("checkpoint")
        const wal = yield* walPosition
        const cpu = preciseCpuSeconds([postgres.pid])
        const start = performance.now()
        yield* commit(commits, bytes)
        const elapsed = performance.now() - start
        const count = commits * PER_COMMIT
        return {
          cpu: ((preciseCpuSeconds([postgres.pid]) - cpu) * 1e6) / count,
          wal: ((yield* walPosition) - wal) / count,
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

    const rates = Effect.gen(function* () {
      const start = performance.now()
      yield* commit(20, 16_384)
      const appends = ((20 * PER_COMMIT) / (performance.now() - start)) * 1000
      return { appends, offsets: yield* commitOffsets(20) } satisfies Rates
    })

    // Vacuum of the log comes all at once, on one side or the other; the soak has it.
    yield* sql.query("alter table kafka.batches set (autovacuum_enabled = off, toast.autovacuum_enabled = off)")
    yield* store.commit([
      [
        Write.PutTopic({ topicId: "AAAAAAAAAAAAAAAAAAAAAA", name: "t" }),
        ...Array.from({ length: PARTITIONS }, (_, index) =>
          Write.PutPartition({ topicId: "AAAAAAAAAAAAAAAAAAAAAA", index, partitionId: index + 1 })
        )
      ]
    ])
    return { append, session, fill, rates, sql }
  })

const program = (ending: Ending) =>
  Effect.gen(function* () {
    const large = yield* openSide(ending)
    const small = yield* openSide(ending)
    yield* large.fill(gigabytes * 1e9)
    yield* small.fill(1e8)

    const bars: Array<Bar> = []
    for (const { bytes, commits } of SIZES) {
      const found: Array<{ readonly large: Cost; readonly small: Cost }> = []
      // The first round warms both up.
      for (let round = 0; round <= rounds; round++) {
        const first = round % 2 === 0 ? large : small
        const one = yield* first.append(bytes, commits)
        const other = yield* (first === large ? small : large).append(bytes, commits)
        if (round > 0) found.push(first === large ? { large: one, small: other } : { large: other, small: one })
      }
      const ratios = (pick: (cost: Cost) => number) => found.map((each) => pick(each.large) / pick(each.small))
      const what = `append of ${bytes} B`
      const row = (name: string, unit: string, pick: (cost: Cost) => number, limit: Pick<Bar, "least" | "most">) => {
        console.log(
          `${what}, ${name}: ratios ${ratios(pick)
            .map((ratio) => ratio.toFixed(2))
            .join(" ")}`
        )
        const middle = (side: "large" | "small") => median(found.map((each) => pick(each[side])))
        bars.push(
          { bar: "6", what: `${what}: ${name}, ${gigabytes} GB stored`, value: middle("large"), unit },
          { bar: "6", what: `${what}: ${name}, 0.1 GB stored`, value: middle("small"), unit },
          { bar: "6", what: `${what}: ${name}, ratio`, value: median(ratios(pick)), unit: "x", ...limit }
        )
      }
      row("CPU of Postgres", "µs", ({ cpu }) => cpu, { most: 1.15 })
      row("WAL", "B", ({ wal }) => wal, { most: 1.15 })
      row("rate", "1/s", ({ appendsPerSecond }) => appendsPerSecond, { least: 0.7 })
    }

    const pair = Effect.gen(function* () {
      const held = yield* small.rates
      const free = yield* large.rates
      return { held, free }
    })
    const several = Effect.gen(function* () {
      const pairs = yield* Effect.replicateEffect(pair, options.quick ? 5 : 11)
      return {
        rate: (pick: (rates: Rates) => number) => median(pairs.map(({ held }) => pick(held))),
        beside: (pick: (rates: Rates) => number) => median(pairs.map(({ free, held }) => pick(held) / pick(free)))
      }
    })
    yield* pair
    const before = yield* several
    const holder = yield* small.session
    // Ours ends sessions that idle in a transaction: this one shall.
    yield* holder.query("set idle_in_transaction_session_timeout = 0")
    yield* holder.query("begin isolation level repeatable read; select count(*) from kafka.offsets")
    const until = performance.now() + holdSeconds * 1000
    for (let due = performance.now(); due < until; due += LOAD_EVERY_MS) {
      yield* Effect.promise(() => sleep(Math.max(0, due - performance.now())))
      yield* pair
    }
    yield* Effect.promise(() => sleep(Math.max(0, until - performance.now())))
    // It has been held longest now.
    const after = yield* several
    const [dead] = yield* small.sql.query(
      "select pg_stat_force_next_flush(), n_dead_tup from pg_stat_user_tables where relid = 'kafka.offsets'::regclass"
    )
    // Fails where the server has ended the transaction meanwhile.
    yield* holder.query("select count(*) from kafka.offsets")
    yield* holder.query("rollback")
    for (const [name, pick] of [
      ["appends", ({ appends }: Rates) => appends],
      ["offset commits", ({ offsets }: Rates) => offsets]
    ] as const) {
      const what = `snapshot held ${holdSeconds} s: ${name}`
      bars.push(
        { bar: "6", what: `${what}, before`, value: before.rate(pick), unit: "1/s" },
        { bar: "6", what: `${what}, at its end`, value: after.rate(pick), unit: "1/s" },
        // Both beside the server on which nothing is held: what the disk does in ten minutes, it does to both.
        { bar: "6", what: `${what}, ratio`, value: after.beside(pick) / before.beside(pick), unit: "x", least: 0.7 }
      )
    }
    bars.push({ bar: "6", what: "dead versions of offsets at its end", value: Number(dead![1]), unit: "" })
    report(bars, options.json)
  }).pipe(Effect.scoped)

await runBench((ending) => Effect.runPromise(program(ending)))
