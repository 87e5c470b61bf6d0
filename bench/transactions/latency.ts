/**
 * One transaction of one record after another: EndTxn beside a bare commit on the same Postgres, in turns, with nothing
 * else in flight and under load; and from EndTxn to the record in a read_committed consumer that waits, beside Apache Kafka
 * that flushes each batch of each log. `npm run bench:transaction-latency [-- --rounds 5] [--per-round 300] [--json FILE]`.
 */
import { EndTxn } from "@tusk/protocol/messages/EndTxn"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { FindCoordinator } from "@tusk/protocol/messages/FindCoordinator"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { run } from "@tusk/storage/pg/connection/Statement"
import { connect } from "@tusk/storage/pg/connection/connect"
import { resolveOptions } from "@tusk/storage/pg/options/PgOptions"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { report } from "../Bars.ts"
import { runBench } from "../Ending.ts"
import type { Ending } from "../Ending.ts"
import { batchesOf } from "../Fetched.ts"
import { holdsWithin, quantile } from "../groups/Report.ts"
import { createTopics } from "../groups/Target.ts"
import { Wire } from "../groups/Wire.ts"
import { startApacheKafka } from "../kafka/ApacheKafka.ts"
import { startTusk } from "../kafka/TuskProcess.ts"

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    /** Rounds that are not counted: the code of either side is compiled by then. */
    warmup: { type: "string", default: "5" },
    "per-round": { type: "string", default: "300" },
    /** Producers beside it, under load. */
    producers: { type: "string", default: "4" },
    json: { type: "string" }
  }
})
const [rounds, warmup, perRound] = [options.rounds, options.warmup, options["per-round"]].map(Number) as [
  number,
  number,
  number
]

const TOPIC = "transactions"
const LOAD = "load"
const value = Buffer.alloc(100, "x")
const insert = { name: "Insert", sql: "insert into public.bench_latency (data) values ($1::bytea)" }

const produceTo = (wire: Wire, name: string, records: Uint8Array, transactionalId: string | null = null) =>
  wire.call(Produce, 12, {
    transactionalId,
    acks: -1,
    timeoutMs: 10_000,
    topicData: [{ name, partitionData: [{ index: 0, records }] }]
  })

const checked = (what: string, errorCode: number | undefined): void => {
  if (errorCode !== 0) throw new Error(`${what}: error ${errorCode}`)
}

/** A read_committed consumer that waits for each record. */
class Reader {
  readonly #wire: Wire
  readonly #waiting: Array<(at: number) => void> = []
  readonly #reached = Promise.withResolvers<void>()
  #reading = true
  readonly ended: Promise<void>

  constructor(wire: Wire) {
    this.#wire = wire
    this.ended = this.#read()
  }

  /** What was there before has been read. */
  get atEnd(): Promise<void> {
    return this.#reached.promise
  }

  next(): Promise<number> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  stop(): void {
    this.#reading = false
  }

  async #read(): Promise<void> {
    let offset = 0n
    while (this.#reading) {
      const answer = await this.#wire.call(Fetch, 12, {
        ...{ replicaId: -1, maxWaitMs: 500, minBytes: 1, maxBytes: 1 << 20, sessionEpoch: -1, isolationLevel: 1 },
        topics: [{ topic: TOPIC, partitions: [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 1 << 20 }] }]
      })
      const at = performance.now()
      for (const batch of batchesOf(answer.responses[0]?.partitions[0]?.records)) {
        if (!RecordBatch.isControl(batch)) this.#waiting.shift()?.(at)
        offset = RecordBatch.lastOffset(batch) + 1n
      }
      if (offset === answer.responses[0]?.partitions[0]?.highWatermark) this.#reached.resolve()
    }
  }
}

/** Commits one transaction of one record a call. */
class Committing {
  readonly #wire: Wire
  #producerId = -1n
  #producerEpoch = -1
  #sequence = 0

  constructor(wire: Wire) {
    this.#wire = wire
  }

  async init(): Promise<void> {
    const wire = this.#wire
    const ready = await holdsWithin(60_000, async () => {
      const found = await wire.call(FindCoordinator, 4, { keyType: 1, coordinatorKeys: [TOPIC] })
      if (found.coordinators[0]?.errorCode !== 0) return false
      const given = await wire.call(InitProducerId, 5, { transactionalId: TOPIC, transactionTimeoutMs: 60_000 })
      if (given.errorCode === 0) [this.#producerId, this.#producerEpoch] = [given.producerId, given.producerEpoch]
      return given.errorCode === 0
    })
    if (!ready) throw new Error("no producer id within 60 s")
  }

  /** Milliseconds from EndTxn until its answer; `delivered`: until a consumer that waits has the record. */
  async one(reader?: Reader): Promise<{ readonly ended: number; readonly delivered: number }> {
    const ids = { producerId: this.#producerId, producerEpoch: this.#producerEpoch }
    const records = RecordBatch.encodeBatch([{ value }], {
      ...{ ...ids, baseSequence: this.#sequence++, isTransactional: true, timestamp: BigInt(Date.now()) }
    })
    const sent = await produceTo(this.#wire, TOPIC, records, TOPIC)
    checked("Produce", sent.responses[0]?.partitionResponses[0]?.errorCode)
    const arrived = reader?.next()
    const start = performance.now()
    const answer = await this.#end(ids)
    const ended = performance.now() - start
    // Version 5 tells the next epoch, whose sequences begin anew (KIP-890).
    if (answer.producerEpoch !== this.#producerEpoch) this.#sequence = 0
    ;[this.#producerId, this.#producerEpoch] = [answer.producerId, answer.producerEpoch]
    return { ended, delivered: ((await arrived) ?? NaN) - start }
  }

  async #end(ids: { readonly producerId: bigint; readonly producerEpoch: number }) {
    const answer = await this.#wire.call(EndTxn, 5, { transactionalId: TOPIC, ...ids, committed: true })
    checked("EndTxn", answer.errorCode)
    return answer
  }
}

interface Figures {
  readonly ended: Array<number>
  readonly delivered: Array<number>
  readonly inserted: Array<number>
}

interface Rounded {
  readonly committing: Committing
  /** Bare commits, in turns with transactions. */
  readonly bare?: () => Promise<number>
  /** Each record is waited for. */
  readonly reader?: Reader
  /** Rounds that are not counted. */
  readonly warm?: number
}

/** Rounds of transactions; the first ones are not counted. */
const rounded = async ({ bare, committing, reader, warm = warmup }: Rounded): Promise<Figures> => {
  const figures: Figures = { ended: [], delivered: [], inserted: [] }
  for (let round = 1 - warm; round <= rounds; round++) {
    for (let i = 0; i < perRound; i++) {
      const { delivered, ended } = await committing.one(reader)
      if (round > 0) {
        figures.ended.push(ended)
        figures.delivered.push(delivered)
      }
    }
    for (let i = 0; bare !== undefined && i < perRound; i++) {
      const taken = await bare()
      if (round > 0) figures.inserted.push(taken)
    }
  }
  return figures
}

const bareCommits = async (ending: Ending, dataDir: string): Promise<() => Promise<number>> => {
  const [, , , port, host] = readFileSync(join(dataDir, "postgres", "postmaster.pid"), "utf8").split("\n")
  const target = resolveOptions({ host: host ?? "", port: Number(port), user: "postgres", database: "postgres" })
  const bare = await Effect.runPromise(connect(target, "bench"))
  ending.add(() => Effect.runPromise(bare.close("")))
  await Effect.runPromise(
    bare.query("create table public.bench_latency (id bigint generated always as identity primary key, data bytea)")
  )
  await Effect.runPromise(bare.prepare([insert]))
  return async () => {
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
}

/** Producers that have one batch of 16 KiB in flight each, until they are stopped. */
const loading = async (bootstrap: string): Promise<{ readonly stop: () => Promise<void> }> => {
  const records = RecordBatch.encodeBatch([{ value: Buffer.alloc(16_000, "l") }])
  let goesOn = true
  const one = async () => {
    const wire = await Wire.connect(bootstrap)
    while (goesOn) await produceTo(wire, LOAD, records)
    wire.close()
  }
  const all = Array.from({ length: Number(options.producers) }, one)
  return {
    stop: async () => {
      goesOn = false
      await Promise.all(all)
    }
  }
}

const prepared = async (ending: Ending, bootstrap: string): Promise<Committing> => {
  await createTopics(bootstrap, new Map([TOPIC, LOAD].map((name) => [name, 1])))
  const producer = await Wire.connect(bootstrap)
  ending.add(() => producer.close())
  const committing = new Committing(producer)
  await committing.init()
  return committing
}

/** Times from EndTxn to the record in a consumer. */
const deliveries = async (committing: Committing, bootstrap: string): Promise<ReadonlyArray<number>> => {
  const consumer = await Wire.connect(bootstrap)
  const reader = new Reader(consumer)
  await reader.atEnd
  const { delivered } = await rounded({ committing, reader })
  reader.stop()
  await reader.ended
  consumer.close()
  return delivered
}

const measure = async (ending: Ending): Promise<void> => {
  const kafka = await ending.stopping(startApacheKafka({ settings: { "log.flush.interval.messages": "1" } }))
  const other = await prepared(ending, kafka.bootstrap)
  const theirs = await rounded({ committing: other })
  const theirDeliveries = await deliveries(other, kafka.bootstrap)
  const tusk = await ending.stopping(startTusk({ storage: "embedded" }))
  const committing = await prepared(ending, tusk.bootstrap)
  const bare = await bareCommits(ending, tusk.dataDir)
  // A record that a consumer waits for is sent before the answer to EndTxn: that is measured apart.
  const mine = await rounded({ committing, bare })
  const myDeliveries = await deliveries(committing, tusk.bootstrap)
  const load = await loading(tusk.bootstrap)
  const loaded = await rounded({ committing, bare, warm: 1 })
  await load.stop()

  const p50 = (values: ReadonlyArray<number>) => quantile(values, 0.5) * 1000
  const row = (what: string, value: number, most?: number) => ({
    bar: "6",
    what,
    value,
    unit: "µs",
    ...(most && { most })
  })
  const [commit, busy] = [p50(mine.inserted), p50(loaded.inserted)]
  report(
    [
      row("bare commit p50", commit),
      row("EndTxn p50 (1.5x of it)", p50(mine.ended), Math.round(1.5 * commit)),
      row("bare commit p50 under load", busy),
      row("EndTxn p50 under load (2.5x of it)", p50(loaded.ended), Math.round(2.5 * busy)),
      row("EndTxn p50, Apache Kafka", p50(theirs.ended)),
      row("EndTxn to record p50, Apache Kafka", p50(theirDeliveries)),
      row("EndTxn to record p50, Tusk", p50(myDeliveries), Math.round(p50(theirDeliveries)))
    ],
    options.json
  )
}

await runBench(measure)
