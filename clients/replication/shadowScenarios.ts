/** What a shadow in Apache Kafka has to be, however it came about. */
import { DeleteRecords } from "@tusk/protocol/messages/DeleteRecords"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import { OffsetFetch } from "@tusk/protocol/messages/OffsetFetch"
import { isKafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { DecodedRecord } from "@tusk/protocol/record/RecordBatch"
import { Kafka, logLevel } from "kafkajs"
import { randomBytes } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import type { Ending } from "../../bench/Ending.ts"
import { javaCommand, prepareJava, startApacheKafka } from "../../bench/kafka/ApacheKafka.ts"
import type { KillableBroker } from "../../bench/kafka/Broker.ts"
import { runOk } from "../../bench/kafka/Program.ts"
import { startTusk } from "../../bench/kafka/TuskProcess.ts"
import type { TuskBroker } from "../../bench/kafka/TuskProcess.ts"
import type { Report } from "../failover/Report.ts"
import { Forwarder } from "./Forwarder.ts"
import { compared, Side } from "./Log.ts"

/** Tusk on a Postgres of its own, and Apache Kafka beside it. */
export interface Sides {
  readonly tusk: TuskBroker
  readonly kafka: KillableBroker
  readonly source: Side
  readonly target: Side
  readonly databaseUrl: string
}

export const startSides = async (
  ending: Ending,
  settings: Readonly<Record<string, string>> = {},
  inside = false
): Promise<Sides> => {
  const kafka = await ending.stopping(startApacheKafka({ settings: { "auto.create.topics.enable": "false" } }))
  const shadow = inside ? { "tusk.shadow.to": kafka.bootstrap, "tusk.shadow.interval.ms": "500" } : {}
  const tusk = await ending.stopping(startTusk({ storage: "embedded", settings: { ...shadow, ...settings } }))
  const source = new Side(tusk.bootstrap)
  const target = new Side(kafka.bootstrap)
  ending.add(() => source.close())
  ending.add(() => target.close())
  const databaseUrl = `postgres://postgres@localhost/postgres?host=${tusk.dataDir}/run`
  return { tusk, kafka, source, target, databaseUrl }
}

const LIMITS = { maxDecompressedBytes: 1 << 28 }

const batchOf = (count: number, from: number, keys = 0): Uint8Array => {
  const timestamp = BigInt(Date.now())
  const filler = randomBytes(40).toString("hex")
  const key = (i: number) => (keys === 0 ? null : Buffer.from(`k${(from + i) % keys}`))
  return RecordBatch.encodeBatch(
    Array.from({ length: count }, (_, i) => ({ timestamp, key: key(i), value: Buffer.from(`${from + i} ${filler}`) }))
  )
}

/** Produces so many records to all partitions, in batches of different size. */
const produce = async (source: Side, topic: string, partitions: number, records: number, keys = 0): Promise<void> => {
  for (let at = 0, i = 0; at < records; i++) {
    const count = Math.min(records - at, 1 + ((i * 37) % 900))
    await source.produce(topic, i % partitions, batchOf(count, at, keys))
    at += count
  }
}

/** Returns once the target ends where the source does, less a difference. */
const caughtUp = async (
  { source, target }: Sides,
  topic: string,
  partitions: number,
  difference = 0n,
  limitMs = 300_000
): Promise<void> => {
  for (const until = Date.now() + limitMs; ; await sleep(100)) {
    const behind: Array<string> = []
    for (let partition = 0; partition < partitions; partition++) {
      const [wanted, there] = [await source.offset(topic, partition), await target.offset(topic, partition)]
      if (there !== wanted - difference) behind.push(`${partition}: ${there} of ${wanted - difference}`)
    }
    if (behind.length === 0) return
    if (Date.now() > until) throw new Error(`the shadow of ${topic} does not catch up: ${behind.join(", ")}`)
  }
}

/** Records that Apache Kafka's own console consumer reads of a topic. */
const consoleCount = async (bootstrap: string, topic: string, records: number): Promise<number> => {
  const { classpath } = await prepareJava()
  const args = ["--bootstrap-server", bootstrap, "--topic", topic, "--from-beginning"]
  args.push("--timeout-ms", "30000", "--max-messages", String(records), "--consumer-property", "fetch.max.wait.ms=100")
  const { args: all, file } = javaCommand(classpath, "org.apache.kafka.tools.consumer.ConsoleConsumer", args)
  const { stdout } = await runOk(file, all, { timeoutMs: 300_000 })
  return stdout.split("\n").filter((line) => /^\d+ /.test(line)).length
}

/** A million records, and each side ends by SIGKILL now and then. */
export const kills = async (report: Report, ending: Ending, records: number): Promise<void> => {
  const sides = await startSides(ending)
  const { databaseUrl, kafka, source, target, tusk } = sides
  const [topic, partitions] = ["orders", 4]
  await source.createTopic(topic, partitions)
  const forwarder = new Forwarder(tusk.bootstrap, kafka.bootstrap, databaseUrl, "--topics", topic)
  ending.add(() => forwarder.stop())
  forwarder.start()
  const begun = performance.now()
  let isProduced = false
  const producing = produce(source, topic, partitions, records).finally(() => (isProduced = true))
  let count = 0
  const killing = async () => {
    const all = [
      async () => {
        await forwarder.kill()
        forwarder.start()
      },
      async () => {
        await kafka.kill()
        await kafka.start()
      },
      async () => {
        await tusk.kill()
        await tusk.start()
      }
    ]
    for (; count < 9 || !isProduced; count++) {
      await sleep(3000)
      await all[count % all.length]!()
      if (count > 30) break
    }
  }
  await Promise.all([producing, killing()])
  await caughtUp(sides, topic, partitions)
  const seconds = (performance.now() - begun) / 1000
  const { batches, differs, records: same } = await compared(source, target, topic, partitions)
  report.check(
    `kills: ${records} records equal in offset and bytes`,
    differs === undefined && same >= records,
    differs ?? `${same} records in ${batches} batches, ${count} kills, ${seconds.toFixed(0)} s`,
    "all"
  )
  const read = await consoleCount(kafka.bootstrap, topic, same)
  report.check("kills: Apache Kafka's console consumer reads them", read === same, String(read), String(same))
}

/** Two that forward at once, of which one is killed now and then. */
export const two = async (report: Report, ending: Ending, records: number): Promise<void> => {
  const sides = await startSides(ending)
  const { databaseUrl, kafka, source, target, tusk } = sides
  const [topic, partitions] = ["twice", 2]
  await source.createTopic(topic, partitions)
  const make = () => new Forwarder(tusk.bootstrap, kafka.bootstrap, databaseUrl, "--topics", topic)
  const [one, other] = [make(), make()]
  for (const each of [one, other]) {
    ending.add(() => each.stop())
    each.start()
  }
  const producing = produce(source, topic, partitions, records)
  for (let i = 0; i < 3; i++) {
    await sleep(2000)
    const killed = i % 2 === 0 ? one : other
    await killed.kill()
    killed.start()
  }
  await producing
  await caughtUp(sides, topic, partitions)
  const { differs, records: same } = await compared(source, target, topic, partitions)
  report.check(
    "two: no difference",
    differs === undefined && same === records,
    differs ?? `${same} records`,
    String(records)
  )
}

interface Placed extends DecodedRecord {
  readonly isFiller: boolean
}

/** What a log holds, by offset; markers and what is aborted only where they are told. */
const recordsOf = async (side: Side, topic: string): Promise<ReadonlyMap<bigint, Placed>> => {
  const found = new Map<bigint, Placed>()
  const start = await side.offset(topic, 0, -2n)
  for await (const batch of side.batches(topic, 0)) {
    if (RecordBatch.isControl(batch)) continue
    const records = RecordBatch.decodeRecords(batch, LIMITS)
    if (isKafkaError(records)) throw records
    for (const record of records) {
      if (record.offset < start) continue
      found.set(record.offset, { ...record, isFiller: record.headers.some(({ key }) => key === "tusk.filler") })
    }
  }
  return found
}

const textOf = ({ headers, key, timestamp, value }: DecodedRecord): string =>
  JSON.stringify([
    String(timestamp),
    key && Buffer.from(key).toString("hex"),
    value && Buffer.from(value).toString("hex"),
    headers.length
  ])

const isAborted = ({ value }: DecodedRecord): boolean =>
  Buffer.from(value ?? [])
    .toString()
    .startsWith("abort")

/** Whether each record of the target is the source's of that offset, or a filler; and none that should be there is missing. */
const judged = (
  source: ReadonlyMap<bigint, Placed>,
  target: ReadonlyMap<bigint, Placed>,
  difference: bigint,
  isMissed: (offset: bigint) => boolean
): { readonly wrong: ReadonlyArray<string>; readonly fillers: number } => {
  const wrong: Array<string> = []
  let fillers = 0
  for (const [offset, record] of target) {
    const own = source.get(offset + difference)
    if (record.isFiller) {
      fillers++
      if (own !== undefined && !isAborted(own)) wrong.push(`a filler at ${offset}`)
    } else if (own === undefined || textOf(own) !== textOf(record)) wrong.push(`another record at ${offset}`)
  }
  for (const [offset, own] of source) {
    if (!isAborted(own) && !target.has(offset - difference) && isMissed(offset))
      wrong.push(`nothing at ${offset - difference}`)
  }
  return { wrong, fillers }
}

const transactions = async (bootstrap: string, topic: string, count: number): Promise<void> => {
  const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING })
  const producer = kafka.producer({ transactionalId: `tx-${topic}`, maxInFlightRequests: 1, idempotent: true })
  await producer.connect()
  for (let i = 0; i < count; i++) {
    const end = i % 3 === 1 ? "abort" : "commit"
    const transaction = await producer.transaction()
    const messages = Array.from({ length: 1 + (i % 7) }, (_, j) => ({ key: `k${j}`, value: `${end} ${i} ${j}` }))
    await transaction.send({ topic, messages })
    await transaction[end]()
  }
  await producer.disconnect()
}

/** A topic whose keys were written again and again, as compaction leaves it: batches with holes, and without records. */
const compactedTopic = async ({ source }: Sides, topic: string): Promise<void> => {
  const configs = { "cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", "segment.ms": "1" }
  await source.createTopic(topic, 1, configs)
  await produce(source, topic, 1, 20_000, 1000)
  for (const until = Date.now() + 60_000; (await recordsOf(source, topic)).size > 15_000; await sleep(200)) {
    if (Date.now() > until) throw new Error(`${topic} is not compacted`)
  }
  // Behind what is clean: also newest batches have holes later.
  await produce(source, topic, 1, 2000, 50)
}

const startsAt = async ({ source }: Sides, topic: string, offset: bigint): Promise<void> => {
  await source.createTopic(topic, 1)
  await produce(source, topic, 1, 10_000)
  const topics = [{ name: topic, partitions: [{ partitionIndex: 0, offset }] }]
  await source.insist((wire) => wire.call(DeleteRecords, 1, { timeoutMs: 10_000, topics }))
}

const commit = (side: Side, groupId: string, topic: string, committedOffset: bigint) =>
  side.insist((wire) => {
    const topics = [{ name: topic, partitions: [{ partitionIndex: 0, committedOffset, committedLeaderEpoch: -1 }] }]
    return wire.call(OffsetCommit, 7, { groupId, generationIdOrMemberEpoch: -1, memberId: "", topics })
  })

const committed = (side: Side, groupId: string, topic: string): Promise<bigint> =>
  side.insist(async (wire) => {
    const answer = await wire.call(OffsetFetch, 5, { groupId, topics: [{ name: topic, partitionIndexes: [0] }] })
    return answer.topics[0]!.partitions[0]!.committedOffset
  })

/** Whether a group's offset comes to be this one at the target. */
const mirrored = async (target: Side, group: string, topic: string, wanted: bigint): Promise<bigint> => {
  for (const until = Date.now() + 30_000; ; await sleep(200)) {
    const found = await committed(target, group, topic)
    if (found === wanted || Date.now() > until) return found
  }
}

/** Of each key its newest record is there: compaction of the target takes the others. */
const newestOf = (records: ReadonlyMap<bigint, Placed>): ReadonlySet<bigint> => {
  const newest = new Map<string, bigint>()
  for (const [offset, { key }] of records) newest.set(Buffer.from(key ?? []).toString(), offset)
  return new Set(newest.values())
}

const configOf = async (bootstrap: string, topic: string): Promise<string> => {
  const { classpath } = await prepareJava()
  const asked = ["--bootstrap-server", bootstrap, "--describe", "--entity-type", "topics", "--entity-name", topic]
  const { args, file } = javaCommand(classpath, "kafka.admin.ConfigCommand", asked)
  return (await runOk(file, args)).stdout
}

/** Aborted transactions, a compacted topic, a log that starts at 5,000; configs and groups. */
export const odd = async (report: Report, ending: Ending): Promise<void> => {
  const sides = await startSides(ending, { "log.cleaner.backoff.ms": "100" })
  const { databaseUrl, kafka, source, target, tusk } = sides
  await source.createTopic("odd-tx", 1)
  await transactions(tusk.bootstrap, "odd-tx", 300)
  await compactedTopic(sides, "odd-compacted")
  await startsAt(sides, "odd-late", 5000n)
  await commit(source, "late-readers", "odd-late", 7777n)
  const forwarder = new Forwarder(tusk.bootstrap, kafka.bootstrap, databaseUrl, "--topics", "odd-.*")
  ending.add(() => forwarder.stop())
  forwarder.start()
  await caughtUp(sides, "odd-tx", 1)
  await caughtUp(sides, "odd-compacted", 1)
  await caughtUp(sides, "odd-late", 1, 5000n)
  for (const [topic, difference] of [
    ["odd-tx", 0n],
    ["odd-compacted", 0n],
    ["odd-late", 5000n]
  ] as const) {
    const here = await recordsOf(source, topic)
    const newest = topic === "odd-compacted" ? newestOf(here) : undefined
    const there = await recordsOf(target, topic)
    const { fillers, wrong } = judged(here, there, difference, (offset) => newest?.has(offset) ?? true)
    report.none(`odd: ${topic}, ${there.size} records, ${fillers} of them fillers`, wrong)
  }
  const group = await mirrored(target, "late-readers", "odd-late", 2777n)
  report.check("odd: a group goes on at the target", group === 2777n, `offset ${group}`, "2777")
  await commit(source, "late-readers", "odd-late", 6000n)
  const back = await mirrored(target, "late-readers", "odd-late", 1000n)
  report.check("odd: a group that is reset is, too", back === 1000n, `offset ${back}`, "1000")
  const configs = await configOf(kafka.bootstrap, "odd-compacted")
  report.check("odd: configs are mirrored", configs.includes("cleanup.policy=compact"), "cleanup.policy", "compact")
}

/** Inside the broker, which is killed, as Kafka is. */
export const inside = async (report: Report, ending: Ending, records: number): Promise<void> => {
  const sides = await startSides(ending, {}, true)
  const { kafka, source, target, tusk } = sides
  const [topic, partitions] = ["inside", 2]
  await source.createTopic(topic, partitions)
  const producing = produce(source, topic, partitions, records)
  for (const side of [tusk, kafka, tusk]) {
    await sleep(2500)
    await side.kill()
    await side.start()
  }
  await producing
  await caughtUp(sides, topic, partitions)
  const { differs, records: same } = await compared(source, target, topic, partitions)
  report.check(
    "inside: equal in offset and bytes",
    differs === undefined && same >= records,
    differs ?? `${same} records`,
    "all"
  )
}

/** Without fillers: the committed records one after the other, and groups at the same ones. */
export const mapped = async (report: Report, ending: Ending): Promise<void> => {
  const sides = await startSides(ending)
  const { databaseUrl, kafka, source, target, tusk } = sides
  await source.createTopic("mapped", 1)
  const forwarder = new Forwarder(tusk.bootstrap, kafka.bootstrap, databaseUrl, "--topics", "mapped", "--no-filler")
  ending.add(() => forwarder.stop())
  forwarder.start()
  const working = transactions(tusk.bootstrap, "mapped", 600)
  for (let i = 0; i < 3; i++) {
    await sleep(1500)
    await forwarder.kill()
    forwarder.start()
  }
  await working
  const here = Array.from((await recordsOf(source, "mapped")).values()).filter((record) => !isAborted(record))
  await caughtUp(sides, "mapped", 1, (await source.offset("mapped", 0)) - BigInt(here.length))
  const there = Array.from((await recordsOf(target, "mapped")).values())
  const wrong = here.flatMap((record, i) =>
    there[i] === undefined || textOf(there[i]) !== textOf(record) ? [`${record.offset}`] : []
  )
  report.none(`mapped: ${there.length} records one after the other`, [
    ...wrong,
    ...there.slice(here.length).map(String)
  ])
  const at = here.length >> 1
  await commit(source, "readers", "mapped", here[at]!.offset)
  const group = await mirrored(target, "readers", "mapped", BigInt(at))
  report.check("mapped: a group goes on at the same record", group === BigInt(at), `offset ${group}`, String(at))
}
