/**
 * Append at the storage layer beside COPY BINARY: `Store.commit` with a batch from each of 64 producers over 32
 * partitions, against a COPY of the same bytes into a table of the same shape, with as many commits. Both run in turns
 * in one process over the same kind of connection, the first one changing; medians of the rounds and of their ratios.
 *
 *   node --conditions=tusk-source bench/append.ts [--url postgres://…] [--seconds 1] [--rounds 7] [--quick] [--json FILE]
 *
 * Without --url: TUSK_DATABASE_URL, or an embedded Postgres of its own. The database's schema `kafka` is dropped and made
 * anew.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { readFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { NOTHING_TOLD } from "@tusk/storage/port/counters"
import { run } from "@tusk/storage/pg/connection/Statement"
import type { PgConnection } from "@tusk/storage/pg/connection/PgConnection"
import { connect } from "@tusk/storage/pg/connection/connect"
import { resolveOptions } from "@tusk/storage/pg/options/PgOptions"
import type { PgTarget } from "@tusk/storage/pg/options/PgOptions"
import * as PgStore from "@tusk/storage/pg/PgStore"
import { Store } from "@tusk/storage/port/Store"
import type { Append } from "@tusk/storage/port/Write"
import { Appends } from "./Appends.ts"
import { median, report } from "./Bars.ts"
import type { Bar } from "./Bars.ts"
import { startPostgres } from "./EmbeddedPostgres.ts"
import { runBench } from "./Ending.ts"

const { values } = parseArgs({
  options: {
    url: { type: "string", default: process.env.TUSK_DATABASE_URL ?? "" },
    seconds: { type: "string" },
    rounds: { type: "string" },
    sizes: { type: "string", default: "1024,16384,131072" },
    quick: { type: "boolean", default: false },
    json: { type: "string" }
  }
})
const rounds = Number(values.rounds ?? (values.quick ? 2 : 7))
const seconds = Number(values.seconds ?? (values.quick ? 0.7 : 1))

const PRODUCERS = 64
const PARTITIONS = 32
/** The least ratio to COPY BINARY. */
const leastOf = (bytes: number): number => (bytes <= 1024 ? 0.6 : 0.75)

interface Measure {
  readonly appendsPerSecond: number
  readonly commitsPerSecond: number
  readonly mebibytesPerSecond: number
  /** Microseconds of CPU an append: this process, and the backend behind the connection. */
  readonly nodeCpu: number
  readonly postgresCpu: number
}

/** Microseconds of CPU that a process of this machine has used; nothing for a server elsewhere. */
const cpuOf = (processId: number): number => {
  try {
    const fields = readFileSync(`/proc/${processId}/stat`, "utf8").split(") ")[1]!.split(" ")
    return (Number(fields[11]) + Number(fields[12])) * 10_000
  } catch {
    return Number.NaN
  }
}

const measure = (
  bytes: number,
  processId: number,
  commit: (batches: ReadonlyArray<Append>) => Effect.Effect<unknown, unknown>
) =>
  Effect.gen(function* () {
    const producers = new Appends(bytes, PARTITIONS)
    const cpu = process.cpuUsage()
    const backend = cpuOf(processId)
    const start = performance.now()
    let commits = 0
    let elapsed = 0
    do {
      yield* commit(producers.take(PRODUCERS))
      commits++
      elapsed = performance.now() - start
    } while (elapsed < seconds * 1000)
    const used = process.cpuUsage(cpu)
    const appends = commits * PRODUCERS
    return {
      appendsPerSecond: (appends / elapsed) * 1000,
      commitsPerSecond: (commits / elapsed) * 1000,
      mebibytesPerSecond: (appends * bytes) / elapsed / 1048.576,
      nodeCpu: (used.user + used.system) / appends,
      postgresCpu: (cpuOf(processId) - backend) / appends
    } satisfies Measure
  })

const copyStatement = { name: "Copy", sql: "copy bench_append.copied from stdin (format binary)" }
const SIGNATURE = Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1")

/** COPY of the same rows: all in one write, one transaction. */
const copy = (connection: PgConnection, batches: ReadonlyArray<Append>) =>
  connection.send((frame) => {
    run(frame, copyStatement, 0, () => {})
    frame.message(0x64, () => {
      frame.raw(SIGNATURE)
      for (const batch of batches) {
        frame.int16(11)
        for (const value of [batch.partitionId, batch.leaderEpoch]) {
          frame.int32(4)
          frame.int32(value)
        }
        for (const value of [
          batch.baseOffset,
          batch.lastOffset,
          batch.maxTimestamp,
          batch.timestampHigh,
          batch.cumulativeBytes,
          batch.producerId
        ]) {
          frame.int32(8)
          frame.int64(value)
        }
        frame.int32(4)
        frame.int32(batch.baseSequence)
        frame.int32(2)
        frame.int16(batch.producerEpoch)
        frame.int32(batch.records.byteLength)
        frame.raw(batch.records)
      }
      frame.int16(-1)
    })
    frame.message(0x63, () => {})
  })

const program = (target: PgTarget, storeOptions: PgStore.PgOptions) =>
  Effect.gen(function* () {
    const side = yield* Effect.acquireRelease(connect(target, "bench/copy"), (connection) => connection.close(""))
    yield* side.query("drop schema if exists kafka cascade; drop schema if exists bench_append cascade; checkpoint")
    const store = Context.get(yield* Layer.build(PgStore.layer(storeOptions)), Store)
    yield* store.acquire(NOTHING_TOLD)
    yield* side.query(`create schema bench_append;
      create table bench_append.copied (like kafka.batches including all)`)
    yield* side.prepare([copyStatement])
    const [holder] = yield* side.query(
      "select pid from pg_locks where locktype = 'advisory' and objid = 1 and granted and database = (select oid from pg_database where datname = current_database())"
    )
    const emptied = side.query("truncate kafka.batches, bench_append.copied; checkpoint")
    const bars: Array<Bar> = []
    for (const bytes of values.sizes.split(",").map(Number)) {
      const found: Array<{ readonly ours: Measure; readonly copied: Measure }> = []
      const appended = Effect.andThen(
        emptied,
        measure(bytes, Number(holder![0]), (batches) => store.commit([batches]))
      )
      const copies = Effect.andThen(
        emptied,
        measure(bytes, side.processId, (batches) => copy(side, batches))
      )
      // The first round warms both up.
      for (let round = 0; round <= rounds; round++) {
        const first = round % 2 === 0 ? yield* appended : yield* copies
        const second = round % 2 === 0 ? yield* copies : yield* appended
        if (round > 0) found.push(round % 2 === 0 ? { ours: first, copied: second } : { ours: second, copied: first })
      }
      const ratios = found.map(({ copied, ours }) => ours.mebibytesPerSecond / copied.mebibytesPerSecond)
      console.log(`${bytes} B: ratios ${ratios.map((ratio) => ratio.toFixed(2)).join(" ")}`)
      const middle = (side: "ours" | "copied", of: keyof Measure) => median(found.map((each) => each[side][of]))
      const row = (what: string, value: number, unit: string, limit: Pick<Bar, "least" | "most"> = {}) =>
        bars.push({ bar: "1", what: `${bytes} B: ${what}`, value, unit, ...limit })
      row("append", middle("ours", "mebibytesPerSecond"), "MiB/s")
      row("append, batches", middle("ours", "appendsPerSecond"), "1/s")
      row("COPY BINARY", middle("copied", "mebibytesPerSecond"), "MiB/s")
      row("append beside COPY BINARY", median(ratios), "x", { least: leastOf(bytes) })
      row("CPU of Node for a batch", middle("ours", "nodeCpu"), "µs", bytes === 131_072 ? { most: 100 } : {})
      row("CPU of Node for a batch, COPY", middle("copied", "nodeCpu"), "µs")
      row("CPU of the backend for a batch", middle("ours", "postgresCpu"), "µs")
      row("CPU of the backend for a batch, COPY", middle("copied", "postgresCpu"), "µs")
    }
    yield* side.query("drop schema bench_append cascade")
    report(bars, values.json)
  }).pipe(Effect.scoped)

await runBench(async (ending) => {
  const options = values.url === "" ? (await ending.stopping(startPostgres())).options : ({ url: values.url } as const)
  await Effect.runPromise(program(resolveOptions(options), options))
})
