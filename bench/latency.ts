/**
 * Bar 4: one 100 B record in flight, acks=all. From the call until the record is acknowledged, and until a consumer that
 * waits for it has it; beside a bare insert of as many bytes, committed, on the same Postgres, in turns.
 * `node --conditions=tusk-source bench/latency.ts [--rounds 6] [--warmup 10] [--per-round 1000] [--quick] [--json FILE]`
 */
import { run } from "@tusk/storage/pg/connection/Statement"
import { connect } from "@tusk/storage/pg/connection/connect"
import { resolveOptions } from "@tusk/storage/pg/options/PgOptions"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { report } from "./Bars.ts"
import { runBench } from "./Ending.ts"
import type { Ending } from "./Ending.ts"
import { quantile } from "./groups/Report.ts"
import { oneInFlight } from "./OneInFlight.ts"
import { startTusk } from "./kafka/TuskProcess.ts"

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string" },
    /** Rounds that are not counted: the code of either side is compiled by then. */
    warmup: { type: "string" },
    quick: { type: "boolean", default: false },
    "per-round": { type: "string", default: "1000" },
    json: { type: "string" }
  }
})

const TOPIC = "latency"
const value = Buffer.alloc(100, "x")
const insert = { name: "Insert", sql: "insert into public.bench_latency (data) values ($1::bytea)" }

const rounds = Number(options.rounds ?? (options.quick ? 1 : 6))
const warmup = Number(options.warmup ?? (options.quick ? 1 : 10))

const measure = async (ending: Ending): Promise<void> => {
  const broker = await ending.stopping(startTusk({ storage: "embedded" }))
  const [, , , port, host] = readFileSync(join(broker.dataDir, "postgres", "postmaster.pid"), "utf8").split("\n")
  const target = resolveOptions({ host: host ?? "", port: Number(port), user: "postgres", database: "postgres" })
  const bare = await Effect.runPromise(connect(target, "bench"))
  await Effect.runPromise(
    bare.query("create table public.bench_latency (id bigint generated always as identity primary key, data bytea)")
  )
  await Effect.runPromise(bare.prepare([insert]))
  const { close, produceOne } = await oneInFlight(broker.bootstrap, TOPIC, value)

  const insertOne = async () => {
    const start = performance.now()
    await Effect.runPromise(
      bare.send((frame) =>
        run(frame, insert, 1, () => {
          frame.int32(value.byteLength)
          frame.raw(value)
        })
      )
    )
    return performance.now() - start
  }

  const acked: Array<number> = []
  const delivered: Array<number> = []
  const inserted: Array<number> = []
  const perRound = Number(options["per-round"])
  for (let round = 1 - warmup; round <= rounds; round++) {
    for (let i = 0; i < perRound; i++) {
      const one = await produceOne()
      if (round > 0) {
        acked.push(one.acked)
        delivered.push(one.delivered)
      }
    }
    for (let i = 0; i < perRound; i++) {
      const one = await insertOne()
      if (round > 0) inserted.push(one)
    }
  }
  await close()
  await Effect.runPromise(bare.close(""))

  const micros = (values: ReadonlyArray<number>, part: number) => quantile(values, part) * 1000
  const p50 = micros(inserted, 0.5)
  const p99 = micros(inserted, 0.99)
  report(
    [
      { bar: "4", what: "bare insert p50", value: p50, unit: "µs" },
      { bar: "4", what: "bare insert p99", value: p99, unit: "µs" },
      { bar: "4", what: "acknowledged p50", value: micros(acked, 0.5), unit: "µs" },
      { bar: "4", what: "acknowledged p99", value: micros(acked, 0.99), unit: "µs" },
      {
        bar: "4",
        what: "delivered p50 (1.5x of insert + 1 ms)",
        value: micros(delivered, 0.5),
        unit: "µs",
        most: Math.round(1.5 * p50 + 1000)
      },
      {
        bar: "4",
        what: "delivered p99 (3x of insert's)",
        value: micros(delivered, 0.99),
        unit: "µs",
        most: Math.round(3 * p99)
      }
    ],
    options.json
  )
}

await runBench(measure)
