/**
 * Append at the storage layer beside COPY BINARY: `Store.commit` with a batch from each of 64 producers over 32
 * partitions, against a COPY of the same bytes into a table of the same shape, with as many commits. Both run in turns
 * in one process over the same kind of connection; medians of the rounds.
 *
 *   node --conditions=tusk-source bench/append.ts --url postgres://… [--seconds 2] [--rounds 3] [--json]
 *
 * Without --url: TUSK_DATABASE_URL. The database's schema `kafka` is dropped and made anew.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { readFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { Connection, run } from "@tusk/storage/pg/connection/Connection"
import { resolveOptions } from "@tusk/storage/pg/PgOptions"
import * as PgStore from "@tusk/storage/pg/PgStore"
import { Store } from "@tusk/storage/Store"
import type { Append } from "@tusk/storage/Store"
import { Appends } from "./Appends.ts"

const { values } = parseArgs({
  options: {
    url: { type: "string", default: process.env.TUSK_DATABASE_URL ?? "" },
    seconds: { type: "string", default: "1.5" },
    rounds: { type: "string", default: "3" },
    sizes: { type: "string", default: "1024,16384,131072" },
    json: { type: "boolean", default: false }
  }
})
if (values.url === "") {
  process.stderr.write("bench/append.ts needs a Postgres: --url or TUSK_DATABASE_URL\n")
  process.exit(1)
}

const PRODUCERS = 64
const PARTITIONS = 32
const target = resolveOptions({ url: values.url })

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
    } while (elapsed < Number(values.seconds) * 1000)
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
const copy = (connection: Connection, batches: ReadonlyArray<Append>) =>
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

const median = (measures: ReadonlyArray<Measure>, of: keyof Measure): number =>
  measures.map((measured) => measured[of]).sort((a, b) => a - b)[measures.length >> 1]!

const program = Effect.gen(function* () {
  const side = yield* Effect.acquireRelease(Connection.open(target, "bench/copy"), (connection) => connection.close())
  const emptied = `drop schema if exists kafka cascade; drop schema if exists bench_append cascade; checkpoint`
  yield* side.query(emptied)
  const store = Context.get(yield* Layer.build(PgStore.layer({ url: values.url })), Store)
  yield* store.acquire
  yield* side.query(`create schema bench_append;
    create table bench_append.copied (like kafka.batches including all)`)
  yield* side.prepare([copyStatement])
  const [holder] = yield* side.query(
    "select pid from pg_locks where locktype = 'advisory' and objid = 1 and granted and database = (select oid from pg_database where datname = current_database())"
  )
  const results = []
  for (const bytes of values.sizes.split(",").map(Number)) {
    const ours: Array<Measure> = []
    const copied: Array<Measure> = []
    for (let round = 0; round <= Number(values.rounds); round++) {
      yield* side.query("truncate kafka.batches, bench_append.copied; checkpoint")
      const a = yield* measure(bytes, Number(holder![0]), (batches) => store.commit([batches]))
      yield* side.query("truncate kafka.batches, bench_append.copied; checkpoint")
      const b = yield* measure(bytes, side.processId, (batches) => copy(side, batches))
      // The first round warms both up.
      if (round > 0) {
        ours.push(a)
        copied.push(b)
      }
    }
    const ratios = ours.map((a, i) => a.mebibytesPerSecond / copied[i]!.mebibytesPerSecond).sort((a, b) => a - b)
    results.push({
      bytes,
      ratio: ratios[ratios.length >> 1]!,
      ratios,
      bar: bytes <= 1024 ? 0.6 : 0.75,
      store: Object.fromEntries(Object.keys(ours[0]!).map((key) => [key, median(ours, key as keyof Measure)])),
      copy: Object.fromEntries(Object.keys(copied[0]!).map((key) => [key, median(copied, key as keyof Measure)]))
    })
  }
  yield* side.query("drop schema bench_append cascade")
  if (values.json) {
    process.stdout.write(`${JSON.stringify(results)}\n`)
    return
  }
  const line = (cells: ReadonlyArray<string | number>) =>
    process.stdout.write(
      `${cells.map((cell) => (typeof cell === "number" ? cell.toFixed(cell < 10 ? 2 : 0) : cell).padStart(11)).join("")}\n`
    )
  line([
    "bytes",
    "ratio",
    "bar",
    "MiB/s",
    "COPY MiB/s",
    "commits/s",
    "COPY c/s",
    "node µs",
    "COPY node",
    "pg µs",
    "COPY pg"
  ])
  for (const result of results) {
    const { store, copy } = result
    line([
      String(result.bytes),
      result.ratio,
      result.bar,
      store.mebibytesPerSecond!,
      copy.mebibytesPerSecond!,
      store.commitsPerSecond!,
      copy.commitsPerSecond!,
      store.nodeCpu!,
      copy.nodeCpu!,
      store.postgresCpu!,
      copy.postgresCpu!
    ])
  }
}).pipe(Effect.scoped)

await Effect.runPromise(program)
