/**
 * Bar 4: one 100 B record in flight, acks=all. From the call until the record is acknowledged, and until a consumer that
 * waits for it has it; beside a bare insert of as many bytes, committed, on the same Postgres, in turns.
 * `node --conditions=tusk-source bench/latency.ts [--rounds 6] [--warmup 10] [--per-round 1000] [--quick] [--json FILE]`
 */
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { batchesOf } from "./Fetched.ts"
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
import { Wire } from "./groups/Wire.ts"
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
  const [producer, consumer] = [await Wire.connect(broker.bootstrap), await Wire.connect(broker.bootstrap)]
  const [, , , port, host] = readFileSync(join(broker.dataDir, "postgres", "postmaster.pid"), "utf8").split("\n")
  const target = resolveOptions({ host: host ?? "", port: Number(port), user: "postgres", database: "postgres" })
  const bare = await Effect.runPromise(connect(target, "bench"))
  await Effect.runPromise(
    bare.query("create table public.bench_latency (id bigint generated always as identity primary key, data bytea)")
  )
  await Effect.runPromise(bare.prepare([insert]))
  await producer.call(CreateTopics, 5, {
    topics: [{ name: TOPIC, numPartitions: 1, replicationFactor: 1 }],
    timeoutMs: 10_000
  })
  const {
    topics: [topic]
  } = await producer.call(Metadata, 12, { topics: [{ name: TOPIC }] })
  if (topic?.errorCode !== 0) throw new Error(`topic: error ${topic?.errorCode}`)

  /** Resolves when the record at this offset has arrived. */
  const arrivals = new Map<bigint, (at: number) => void>()
  let reading = true
  const read = async () => {
    let offset = 0n
    while (reading) {
      const answer = await consumer.call(Fetch, 12, {
        replicaId: -1,
        maxWaitMs: 500,
        minBytes: 1,
        maxBytes: 1 << 20,
        sessionEpoch: -1,
        topics: [{ topic: TOPIC, partitions: [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 1 << 20 }] }]
      })
      const at = performance.now()
      const records = answer.responses[0]?.partitions[0]?.records
      for (const batch of batchesOf(records)) {
        for (let o = RecordBatch.baseOffset(batch); o <= RecordBatch.lastOffset(batch); o++) arrivals.get(o)?.(at)
        offset = RecordBatch.lastOffset(batch) + 1n
      }
    }
  }
  const consuming = read()
  const failed = new Promise<never>((_, reject) => consuming.catch(reject))

  let next = 0n
  const produceOne = async () => {
    const offset = next++
    const arrived = new Promise<number>((resolve) => arrivals.set(offset, resolve))
    const start = performance.now()
    const answer = await producer.call(Produce, 9, {
      acks: -1,
      timeoutMs: 10_000,
      topicData: [{ name: TOPIC, partitionData: [{ index: 0, records: RecordBatch.encodeBatch([{ value }]) }] }]
    })
    const acked = performance.now() - start
    const told = answer.responses[0]?.partitionResponses[0]
    if (told?.errorCode !== 0 || told.baseOffset !== offset) throw new Error(`produce: error ${told?.errorCode}`)
    const delivered = (await Promise.race([arrived, failed])) - start
    arrivals.delete(offset)
    return { acked, delivered }
  }

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
  reading = false
  await produceOne()
  await consuming
  producer.close()
  consumer.close()
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
