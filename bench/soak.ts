/**
 * Bar 7: produces and consumes at a steady rate with retention at 60 s, and watches what grows: files of Postgres, WAL,
 * memory of Node, live and dead rows. Each has to be flat after the first minutes.
 * `npm run soak [-- --minutes 20] [--megabytes 4] [--json FILE]`
 */
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { batchesOf } from "./Fetched.ts"
import { parseArgs } from "node:util"
import { median, report } from "./Bars.ts"
import type { Bar } from "./Bars.ts"
import { openEmbeddedSql } from "./groups/EmbeddedSql.ts"
import { sleep } from "./groups/Report.ts"
import { Wire } from "./groups/Wire.ts"
import { residentBytes } from "./kafka/ProcessTree.ts"
import { startTusk } from "./kafka/TuskProcess.ts"

const { values: options } = parseArgs({
  options: {
    minutes: { type: "string", default: "20" },
    megabytes: { type: "string", default: "4" },
    json: { type: "string" }
  }
})
const TOPIC = "soak"
const PARTITIONS = 4
const BATCH = 64 * 1024
const SAMPLE_MS = 10_000
/** What has begun to be deleted by then is all that there will be at a time. */
const WARM_MS = Math.min(240_000, Number(options.minutes) * 60_000 * 0.4)

const broker = await startTusk({
  storage: "embedded",
  settings: { "log.retention.check.interval.ms": "5000" }
})
const [producer, consumer] = [await Wire.connect(broker.bootstrap), await Wire.connect(broker.bootstrap)]
await producer.call(CreateTopics, 5, {
  topics: [
    {
      name: TOPIC,
      numPartitions: PARTITIONS,
      replicationFactor: 1,
      configs: [{ name: "retention.ms", value: "60000" }]
    }
  ],
  timeoutMs: 10_000
})
const sql = await openEmbeddedSql(broker.dataDir)

const noise = Buffer.alloc(BATCH)
for (let i = 0; i < noise.length; i += 4) noise.writeInt32LE((Math.imul(i + 7, 2_654_435_761) ^ (i << 7)) | 0, i)
const start = performance.now()
const end = start + Number(options.minutes) * 60_000
let produced = 0
let consumed = 0
const produce = async () => {
  const everyMs = (BATCH * PARTITIONS) / (Number(options.megabytes) * 1e6) / 1e-3
  for (let due = start; due < end; due += everyMs) {
    await sleep(Math.max(0, due - performance.now()))
    const timestamp = BigInt(Date.now())
    const records = () => RecordBatch.encodeBatch([{ value: noise, timestamp }])
    const answer = await producer.call(Produce, 9, {
      acks: -1,
      timeoutMs: 30_000,
      topicData: [
        {
          name: TOPIC,
          partitionData: Array.from({ length: PARTITIONS }, (_, index) => ({ index, records: records() }))
        }
      ]
    })
    for (const { errorCode } of answer.responses[0]!.partitionResponses) {
      if (errorCode !== 0) throw new Error(`produce: error ${errorCode}`)
      produced++
    }
  }
}
const consume = async () => {
  const at = new Array<bigint>(PARTITIONS).fill(0n)
  while (performance.now() < end) {
    const answer = await consumer.call(Fetch, 12, {
      replicaId: -1,
      maxWaitMs: 500,
      minBytes: 1,
      maxBytes: 8 << 20,
      sessionEpoch: -1,
      topics: [
        {
          topic: TOPIC,
          partitions: at.map((fetchOffset, partition) => ({ partition, fetchOffset, partitionMaxBytes: 1 << 20 }))
        }
      ]
    })
    for (const { errorCode, partitionIndex, records } of answer.responses[0]?.partitions ?? []) {
      if (errorCode !== 0) throw new Error(`fetch: error ${errorCode}`)
      for (const batch of batchesOf(records)) {
        at[partitionIndex] = RecordBatch.lastOffset(batch) + 1n
        consumed++
      }
    }
  }
}

interface Sample {
  readonly atMs: number
  readonly disk: number
  readonly wal: number
  readonly memory: number
  readonly dead: number
  readonly live: number
}
const samples: Array<Sample> = []
const watch = async () => {
  while (performance.now() < end) {
    await sleep(SAMPLE_MS)
    const [row] = await sql.rows(`select pg_stat_clear_snapshot(), pg_database_size(current_database()),
      (select sum(size) from pg_ls_waldir()),
      (select n_dead_tup from pg_stat_user_tables where schemaname = 'kafka' and relname = 'batches')
        + (select s.n_dead_tup from pg_stat_all_tables s join pg_class c on c.reltoastrelid = s.relid
           where c.oid = 'kafka.batches'::regclass),
      (select count(*) from kafka.batches)`)
    const [, disk, wal, dead, live] = (row ?? []).map(Number)
    const sample = {
      atMs: performance.now() - start,
      disk: disk! / 1e6,
      wal: wal! / 1e6,
      memory: residentBytes(broker.nodePid()) / 1e6,
      dead: dead!,
      live: live!
    }
    samples.push(sample)
    console.log(
      `${(sample.atMs / 1000).toFixed(0).padStart(5)} s  disk ${sample.disk.toFixed(0)} MB  WAL ${sample.wal.toFixed(0)} MB  ` +
        `memory ${sample.memory.toFixed(0)} MB  batches ${sample.live}  dead rows ${sample.dead}  produced ${produced}  consumed ${consumed}`
    )
  }
}

await Promise.all([produce(), consume(), watch()])
producer.close()
consumer.close()
await sql.close()
await broker.stop()

/** The last third of what follows the first minutes beside its first third. */
const growth = (pick: (sample: Sample) => number): number => {
  const steady = samples.filter(({ atMs }) => atMs >= WARM_MS).map(pick)
  const third = Math.max(1, Math.floor(steady.length / 3))
  return median(steady.slice(-third)) / Math.max(1, median(steady.slice(0, third)))
}
const last = samples.at(-1)!
const bars: Array<Bar> = [
  { bar: "7", what: "disk: growth after the first minutes", value: growth(({ disk }) => disk), unit: "x", most: 1.1 },
  { bar: "7", what: "WAL: growth", value: growth(({ wal }) => wal), unit: "x", most: 1.5 },
  { bar: "7", what: "memory of Node: growth", value: growth(({ memory }) => memory), unit: "x", most: 1.15 },
  { bar: "7", what: "batches kept: growth", value: growth(({ live }) => live), unit: "x", most: 1.1 },
  { bar: "7", what: "disk for each byte that is kept", value: (last.disk * 1e6) / (last.live * BATCH), unit: "x" },
  { bar: "7", what: "dead rows at the end", value: last.dead, unit: "" },
  { bar: "7", what: "batches produced and not consumed", value: produced - consumed, unit: "", most: PARTITIONS * 8 }
]
report(bars, options.json)
process.exit()
