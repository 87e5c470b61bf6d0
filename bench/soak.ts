/**
 * Bar 7: produces, consumes and commits offsets at a steady rate with retention at 60 s, and watches what grows: files of
 * Postgres, WAL, memory of Node, live and dead rows. Each has a limit, and has to be flat after the first minutes.
 * `npm run soak [-- --minutes 20] [--megabytes 8] [--quick] [--json FILE]`; `--quick` is two minutes. What is deleted from
 * the second minute on is free after the next vacuum or two (each minute one): a run of less than eight minutes is held to the
 * limits, and its growth only printed. Ends with 1 where a limit is passed or something grows.
 */
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { parseArgs } from "node:util"
import { median, report } from "./Bars.ts"
import type { Bar } from "./Bars.ts"
import { runBench } from "./Ending.ts"
import type { Ending } from "./Ending.ts"
import { batchesOf } from "./Fetched.ts"
import { commitOffsets } from "./groups/commitOffsets.ts"
import { openEmbeddedSql } from "./groups/EmbeddedSql.ts"
import type { Sql } from "./groups/EmbeddedSql.ts"
import { sleep } from "./groups/Report.ts"
import { Wire } from "./groups/Wire.ts"
import { residentBytes } from "./kafka/ProcessTree.ts"
import { startTusk } from "./kafka/TuskProcess.ts"

const { values: options } = parseArgs({
  options: {
    minutes: { type: "string" },
    megabytes: { type: "string", default: "8" },
    quick: { type: "boolean", default: false },
    json: { type: "string" }
  }
})
const minutes = Number(options.minutes ?? (options.quick ? 2 : 20))
const bytesPerSecond = Number(options.megabytes) * 1e6
const TOPIC = "soak"
const PARTITIONS = 4
/** Who commits offsets without being a member. */
const NOBODY = { groupId: TOPIC, generationIdOrMemberEpoch: -1, memberId: "", groupInstanceId: null }
const BATCH = 64 * 1024
const RETENTION_MS = 60_000
const SAMPLE_MS = 10_000
/** By then what is kept, what waits for vacuum and what is free have found their sizes. */
const WARM_MS = Math.min(240_000, minutes * 60_000 * 0.5)
const GROWTH_COUNTS = minutes >= 8
/** `max_wal_size` of the embedded Postgres, which it may pass by a checkpoint's length. */
const MOST_WAL_MB = 2048 * 1.25

interface Sample {
  readonly atMs: number
  /** Megabytes. */
  readonly disk: number
  readonly wal: number
  readonly memory: number
  /** The log's table, with its TOAST and index. */
  readonly table: number
  /** All other tables of Tusk. */
  readonly others: number
  /** Record batches that are kept. */
  readonly live: number
  readonly batches: number
  /** Rows and TOAST chunks that vacuum has still to free, for each live one. */
  readonly dead: number
}

const SAMPLE = `select pg_stat_clear_snapshot(), pg_database_size(current_database()), (select sum(size) from pg_ls_waldir()),
  pg_total_relation_size('kafka.batches'),
  (select sum(pg_total_relation_size(oid)) from pg_class
     where relnamespace = 'kafka'::regnamespace and relkind = 'r' and relname <> 'batches'),
  (select coalesce(sum(octet_length(data)), 0) from kafka.batches), (select count(*) from kafka.batches),
  (select sum(s.n_dead_tup) / greatest(1, sum(s.n_live_tup)) from pg_stat_all_tables s join pg_class c on c.oid = 'kafka.batches'::regclass
     where s.relid in (c.oid, c.reltoastrelid))`

const sampleOf = async (sql: Sql, nodePid: number, atMs: number): Promise<Sample> => {
  const [row] = await sql.rows(SAMPLE)
  const [disk, wal, table, others, live, batches, dead] = row!.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number
  ]
  const mega = (bytes: number) => bytes / 1e6
  return {
    atMs,
    disk: mega(disk),
    wal: mega(wal),
    memory: mega(residentBytes(nodePid)),
    table: mega(table),
    others: mega(others),
    live: mega(live),
    batches,
    dead
  }
}

/**
 * By which part of itself it grows in ten minutes: the median of the slopes between any two samples (Theil and Sen), so
 * that the saw's teeth of vacuum and checkpoints weigh nothing.
 */
const growth = (samples: ReadonlyArray<Sample>, pick: (sample: Sample) => number): number => {
  const slopes = samples.flatMap((one, i) =>
    samples.slice(i + 1).map((other) => (pick(other) - pick(one)) / (other.atMs - one.atMs))
  )
  return (median(slopes) * 600_000) / Math.max(1, median(samples.map(pick)))
}

const soak = async (ending: Ending): Promise<void> => {
  const broker = await ending.stopping(
    startTusk({ storage: "embedded", settings: { "log.retention.check.interval.ms": "5000" } })
  )
  const [producer, consumer] = [await Wire.connect(broker.bootstrap), await Wire.connect(broker.bootstrap)]
  const made = await producer.call(CreateTopics, 5, {
    topics: [
      {
        name: TOPIC,
        numPartitions: PARTITIONS,
        replicationFactor: 1,
        configs: [{ name: "retention.ms", value: `${RETENTION_MS}` }]
      }
    ],
    timeoutMs: 10_000
  })
  if (made.topics[0]?.errorCode !== 0) throw new Error(`topic: error ${made.topics[0]?.errorCode}`)
  const sql = await openEmbeddedSql(broker.dataDir)

  const noise = Buffer.alloc(BATCH)
  for (let i = 0; i < noise.length; i += 4) noise.writeInt32LE((Math.imul(i + 7, 2_654_435_761) ^ (i << 7)) | 0, i)
  const start = performance.now()
  const end = start + minutes * 60_000
  let produced = 0
  let consumed = 0
  const produce = async () => {
    const everyMs = ((BATCH * PARTITIONS) / bytesPerSecond) * 1000
    for (let due = start; due < end; due += everyMs) {
      await sleep(Math.max(0, due - performance.now()))
      if (performance.now() >= end) break
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
    let committed = start
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
      if (performance.now() - committed < 1000) continue
      committed = performance.now()
      const codes = await commitOffsets(consumer, TOPIC, new Map(at.entries()), NOBODY)
      if (codes.some((code) => code !== 0)) throw new Error(`offset commit: errors ${codes.join(" ")}`)
    }
  }

  const samples: Array<Sample> = []
  const watch = async () => {
    for (let due = start + SAMPLE_MS; due <= end; due += SAMPLE_MS) {
      await sleep(Math.max(0, due - performance.now()))
      const sample = await sampleOf(sql, broker.nodePid(), performance.now() - start)
      samples.push(sample)
      const { atMs, batches, dead, disk, live, memory, table, wal } = sample
      console.log(
        `${(atMs / 1000).toFixed(0).padStart(5)} s  disk ${disk.toFixed(0)} MB  WAL ${wal.toFixed(0)} MB  memory ` +
          `${memory.toFixed(0)} MB  kept ${batches} batches, ${live.toFixed(0)} MB in ${table.toFixed(0)} MB, ` +
          `${dead.toFixed(2)} dead for each  produced ${produced}  consumed ${consumed}`
      )
    }
  }
  await Promise.all([produce(), consume(), watch()])
  producer.close()
  consumer.close()
  await sql.close()

  const steady = samples.filter(({ atMs }) => atMs >= WARM_MS)
  const most = (pick: (sample: Sample) => number) => Math.max(...steady.map(pick))
  const flat = (what: string, limit: number, pick: (sample: Sample) => number): Bar => ({
    bar: "7",
    what: `${what}: growth in 10 minutes`,
    value: growth(steady, pick) * 100,
    unit: "%",
    ...(GROWTH_COUNTS ? { most: limit } : {})
  })
  const bars: ReadonlyArray<Bar> = [
    flat("disk without WAL", 10, ({ disk }) => disk),
    flat("memory of Node", 10, ({ memory }) => memory),
    flat("the log's table", 10, ({ table }) => table),
    flat("bytes kept", 10, ({ live }) => live),
    { bar: "7", what: "disk without WAL, most", value: most(({ disk }) => disk), unit: "MB" },
    { bar: "7", what: "WAL, most", value: most(({ wal }) => wal), unit: "MB", most: MOST_WAL_MB },
    { bar: "7", what: "memory of Node, most", value: most(({ memory }) => memory), unit: "MB", most: 500 },
    // A retention's worth is kept; as much is deleted, and waits for vacuum, in each minute.
    {
      bar: "7",
      what: "bytes kept, most",
      value: most(({ live }) => live),
      unit: "MB",
      most: (bytesPerSecond / 1e6) * 90
    },
    {
      bar: "7",
      what: "table for each byte kept, most",
      value: most(({ live, table }) => table / live),
      unit: "x",
      most: 4
    },
    { bar: "7", what: "dead rows for each live one, most", value: most(({ dead }) => dead), unit: "x", most: 3 },
    { bar: "7", what: "other tables, most", value: most(({ others }) => others), unit: "MB", most: 20 },
    {
      bar: "7",
      what: "share of the rate that is produced",
      value: (produced * BATCH) / (bytesPerSecond * minutes * 60),
      unit: "x",
      least: 0.95
    },
    { bar: "7", what: "batches produced and not consumed", value: produced - consumed, unit: "", most: PARTITIONS * 8 }
  ]
  report(bars, options.json)
}

await runBench(soak)
