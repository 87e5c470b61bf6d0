/**
 * Bar 8: a row for each record, as pg_kafka and Tansu keep them: key, value, headers and a time in columns, indexes for
 * reading, and a prepared insert for each record; beside a row for each batch. The same bytes over the same kind of
 * connection; the peer in a transaction for each batch, pipelined, over eight connections at a time (PEERS). `node --conditions=tusk-source bench/peer.ts [--rounds 3] [--json FILE]`
 */
import { Connection, run } from "@tusk/storage/pg/connection/Connection"
import * as PgStore from "@tusk/storage/pg/PgStore"
import { Store } from "@tusk/storage/Store"
import type { Append } from "@tusk/storage/Store"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { parseArgs } from "node:util"
import { Appends } from "./Appends.ts"
import { median, report } from "./Bars.ts"
import { startPostgres } from "./EmbeddedPostgres.ts"

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "2" },
    json: { type: "string" }
  }
})

const RECORD = 1024
const PER_BATCH = 16
const BATCHES = 64
const PARTITIONS = 32
/** Connections of the peer, as many producers at a time. */
const PEERS = 8

const insert = {
  name: "InsertRecords",
  sql: `insert into bench_peer.messages (partition_id, partition_offset, key, value, headers, created_at)
    values ($1::int, $2::bigint, $3::bytea, $4::bytea, '{}', now())`
}

const program = Effect.gen(function* () {
  const postgres = yield* Effect.acquireRelease(Effect.promise(startPostgres), ({ stop }) => Effect.promise(stop))
  const side = yield* Effect.acquireRelease(Connection.open(postgres.target, "bench"), (each) => each.close())
  const store = Context.get(yield* Layer.build(PgStore.layer(postgres.options)), Store)
  yield* store.acquire
  yield* side.query(`create schema bench_peer;
    create table bench_peer.messages (
      global_offset bigint generated always as identity primary key, partition_id int not null,
      partition_offset bigint not null, key bytea, value bytea, headers jsonb not null, created_at timestamptz not null,
      unique (partition_id, partition_offset));
    create index on bench_peer.messages (created_at);
    create index on bench_peer.messages (key)`)
  const peers = yield* Effect.forEach(Array.from({ length: PEERS }), () =>
    Effect.acquireRelease(Connection.open(postgres.target, "bench/peer"), (each) => each.close())
  )
  for (const peer of peers) yield* peer.prepare([insert])

  const insertBatch = (peer: Connection, { baseOffset, partitionId, records }: Append) =>
    peer.send((frame) => {
      for (let i = 0; i < PER_BATCH; i++) {
        run(frame, insert, 4, () => {
          frame.int32(4)
          frame.int32(partitionId)
          frame.int32(8)
          frame.int64(baseOffset * 2n + BigInt(i))
          frame.int32(16)
          frame.raw(records.subarray(i * RECORD, i * RECORD + 16))
          frame.int32(RECORD)
          frame.raw(records.subarray(i * RECORD, (i + 1) * RECORD))
        })
      }
    })
  const perRecord = (batches: ReadonlyArray<Append>) =>
    Effect.forEach(
      peers,
      (peer, k) =>
        Effect.forEach(
          batches.filter((_, i) => i % PEERS === k),
          (batch) => insertBatch(peer, batch),
          { discard: true }
        ),
      { concurrency: "unbounded", discard: true }
    )

  const measure = (commit: (batches: ReadonlyArray<Append>) => Effect.Effect<unknown, unknown>) =>
    Effect.gen(function* () {
      yield* side.query("truncate kafka.batches, bench_peer.messages; checkpoint")
      const appends = new Appends(RECORD * PER_BATCH, PARTITIONS)
      const start = performance.now()
      let commits = 0
      while (performance.now() - start < Number(options.seconds) * 1000) {
        yield* commit(appends.take(BATCHES))
        commits++
      }
      return (commits * BATCHES * PER_BATCH * RECORD) / 1048.576 / (performance.now() - start)
    })

  const batches: Array<number> = []
  const rows: Array<number> = []
  for (let round = 0; round <= Number(options.rounds); round++) {
    const a = yield* measure((taken) => store.commit([taken]))
    const b = yield* measure(perRecord)
    if (round > 0) {
      batches.push(a)
      rows.push(b)
    }
  }
  const ratio = median(batches.map((value, i) => value / rows[i]!))
  report(
    [
      { bar: "8", what: "a row for each batch of 16 KiB", value: median(batches), unit: "MiB/s" },
      { bar: "8", what: "a row for each record of 1 KiB", value: median(rows), unit: "MiB/s" },
      { bar: "8", what: "ratio", value: ratio, unit: "x", least: 5 }
    ],
    options.json
  )
}).pipe(Effect.scoped)

await Effect.runPromise(program)
process.exit()
