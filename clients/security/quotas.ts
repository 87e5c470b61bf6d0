/**
 * Quotas on clients that send as fast as they can: `npm run test:quotas [-- --against memory|tusk|kafka --mb 10 --seconds 60]`. 10 MB/s
 * for one client of two holds within 5 % over a minute, and the other is not slowed; two clients of one user share. Java's
 * ProducerPerformance sends, the broker's own offsets are the count. Ends with 1 where something fails.
 */
import { AlterClientQuotas } from "@tusk/protocol/messages/AlterClientQuotas"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import process from "node:process"
import { parseArgs } from "node:util"
import { quantile, Report, sleep } from "../../bench/groups/Report.ts"
import { againstOf, createTopics, startTarget, withWire } from "../../bench/groups/Target.ts"
import { produce } from "../../bench/kafka/Performance.ts"

const { values: options } = parseArgs({
  options: {
    against: { type: "string", default: "tusk" },
    /** The quota, in MB/s. */
    mb: { type: "string", default: "10" },
    /** For how long rates are taken. */
    seconds: { type: "string", default: "60" }
  }
})

const SECONDS = Number(options.seconds)
const LIMIT = Number(options.mb) * 1e6
/** So long a client sends before its rate is taken: by then the windows of the broker are full. */
const WARM_SECONDS = 12
const RECORD_BYTES = 1000
/** With what a batch adds to each record: some bytes, and a part of its own head and the request's. */
const SENT_BYTES = 1012

const limit = (bootstrap: string, entityType: string, entityName: string, value: number | undefined) =>
  withWire(bootstrap, async (wire) => {
    const op = { key: "producer_byte_rate", value: value ?? 0, remove: value === undefined }
    const entity = [{ entityType, entityName }]
    const { entries } = await wire.call(AlterClientQuotas, 1, { entries: [{ entity, ops: [op] }] })
    if (entries[0]?.errorCode !== 0) throw new Error(`quota of ${entityName}: ${entries[0]?.errorMessage}`)
  })

/** Ends of the first partition of each topic, asked once a second. */
const endsOver = (bootstrap: string, topics: ReadonlyArray<string>, seconds: number) =>
  withWire(bootstrap, async (wire) => {
    const rows: Array<{ readonly atMs: number; readonly ends: ReadonlyArray<number> }> = []
    const begunMs = performance.now()
    for (let second = 0; second <= seconds; second++) {
      await sleep(Math.max(0, begunMs + second * 1000 - performance.now()))
      const asked = topics.map((name) => ({ name, partitions: [{ partitionIndex: 0, timestamp: -1n }] }))
      const answer = await wire.call(ListOffsets, 7, { replicaId: -1, topics: asked })
      const byName = new Map(answer.topics.map(({ name, partitions }) => [name, Number(partitions[0]!.offset)]))
      rows.push({ atMs: performance.now(), ends: topics.map((name) => byName.get(name)!) })
    }
    return rows
  })

/** Bytes a second of each topic, from the first row to the last. */
const ratesOf = (rows: Awaited<ReturnType<typeof endsOver>>): ReadonlyArray<number> => {
  const [first, last] = [rows[0]!, rows.at(-1)!]
  const seconds = (last.atMs - first.atMs) / 1000
  return last.ends.map((end, i) => ((end - first.ends[i]!) * SENT_BYTES) / seconds)
}

/** A client that sends for longer than rates are taken; -1: as fast as it can. */
const sending = (bootstrap: string, topic: string, clientId: string, perSecond: number, bytesPerSecond: number) =>
  produce(
    bootstrap,
    topic,
    Math.ceil(((SECONDS + WARM_SECONDS + 8) * bytesPerSecond) / SENT_BYTES),
    RECORD_BYTES,
    {
      "client.id": clientId,
      "request.timeout.ms": "120000",
      "delivery.timeout.ms": "300000",
      "linger.ms": "5",
      "batch.size": "65536"
    },
    perSecond
  )

const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB/s`

const report = new Report()
const target = await startTarget(againstOf(options.against))
console.log(target.name)
const { bootstrap } = target
try {
  await createTopics(bootstrap, new Map(["limited", "free", "one", "two"].map((name) => [name, 1])))

  await report.attempt("one client of two", async () => {
    const paced = 4000
    const alone = await produce(bootstrap, "free", paced * 10, RECORD_BYTES, { "client.id": "free" }, paced)
    await limit(bootstrap, "client-id", "limited", LIMIT)
    const limited = sending(bootstrap, "limited", "limited", -1, LIMIT)
    const free = sending(bootstrap, "free", "free", paced, paced * SENT_BYTES)
    await sleep(WARM_SECONDS * 1000)
    const rows = await endsOver(bootstrap, ["limited", "free"], SECONDS)
    const [ofLimited, ofFree] = ratesOf(rows) as [number, number]
    const [, beside] = await Promise.all([limited, free])
    await limit(bootstrap, "client-id", "limited", undefined)
    const off = Math.abs(ofLimited / LIMIT - 1)
    report.check(`limited to ${options.mb} MB/s`, off <= 0.05, mb(ofLimited), `within 5 % over ${SECONDS} s`)
    report.check(
      "the other has its pace",
      ofFree >= 0.98 * paced * SENT_BYTES,
      mb(ofFree),
      `98 % of ${paced} records/s`
    )
    report.note("the other's p99", `${beside.p99Ms} ms beside the limited one, ${alone.p99Ms} ms alone`)
    const each = rows.slice(1).map(({ ends }, i) => (ends[0]! - rows[i]!.ends[0]!) * SENT_BYTES)
    report.note(
      "the limited one, a second",
      `p10 ${mb(quantile(each, 0.1))}, p50 ${mb(quantile(each, 0.5))}, p90 ${mb(quantile(each, 0.9))}`
    )
  })

  await report.attempt("two clients of one user", async () => {
    await limit(bootstrap, "user", "ANONYMOUS", LIMIT)
    const clients = ["one", "two"].map((name) => sending(bootstrap, name, name, -1, LIMIT / 2))
    await sleep(WARM_SECONDS * 1000)
    const rates = ratesOf(await endsOver(bootstrap, ["one", "two"], SECONDS))
    await limit(bootstrap, "user", "ANONYMOUS", undefined)
    await Promise.all(clients)
    const all = rates.reduce((sum, rate) => sum + rate, 0)
    report.check(
      `together ${options.mb} MB/s`,
      Math.abs(all / LIMIT - 1) <= 0.05,
      mb(all),
      `within 5 % over ${SECONDS} s`
    )
    report.check("each has a part", Math.min(...rates) >= 0.2 * all, rates.map(mb).join(" and "), "at least a fifth")
  })
} finally {
  await target.stop()
}
report.summary()
process.exit()
