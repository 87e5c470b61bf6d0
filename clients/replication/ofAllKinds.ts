/** Topics of all kinds from Apache Kafka into Tusk, and from there into another Tusk, in memory. */
import { FindCoordinator } from "@tusk/protocol/messages/FindCoordinator"
import { AddPartitionsToTxn } from "@tusk/protocol/messages/AddPartitionsToTxn"
import { EndTxn } from "@tusk/protocol/messages/EndTxn"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import type { Api } from "@tusk/protocol/codec/Api"
import * as Batch from "@tusk/protocol/record/RecordBatch"
import type { EncodeOptions } from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import { randomBytes } from "node:crypto"
import type { Ending } from "../../bench/Ending.ts"
import { sleep } from "../../bench/groups/Report.ts"
import { startApacheKafka } from "../../bench/kafka/ApacheKafka.ts"
import { startTusk } from "../../bench/kafka/TuskProcess.ts"
import type { Report } from "../failover/Report.ts"
import { Importer } from "./Importer.ts"
import { readByJava } from "./readByJava.ts"
import { clusterAt, compare, deleteBefore, endsOf, produce, topicAt, visibleBatches } from "./World.ts"
import type { Cluster } from "./World.ts"

const batchOf = (ids: ReadonlyArray<number>, options: EncodeOptions = {}, bytes = 60) =>
  Batch.encodeBatch(
    ids.map((id) => ({
      timestamp: BigInt(Date.now()),
      key: Buffer.from(`key-${id}`),
      value: Buffer.from(`value-${id}-${randomBytes(bytes / 2).toString("hex")}`)
    })),
    options
  )

const range = (from: number, count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => from + i)

/** Asks until the coordinator of transactions is there and has ended the one before. */
const asked = async <Req, Res extends object>(
  { client }: Cluster,
  api: Api<Req, Res>,
  body: Req,
  codeOf: (answer: Res) => number,
  maxVersion: number
): Promise<Res> => {
  for (const until = Date.now() + 60_000; ;) {
    const ask = Effect.flatMap(client.anyBroker, (connection) => connection.ask(api, body, { maxVersion }))
    const answer = await Effect.runPromise(ask)
    if (codeOf(answer) === 0) return answer
    if (Date.now() > until) throw new Error(`${api.name} answers ${codeOf(answer)}`)
    await sleep(100)
  }
}

/** Transactions of several producers, one in three aborted, between batches of nobody's. */
const transactions = async (source: Cluster, topic: string, count: number): Promise<void> => {
  for (let i = 0; i < count; i++) {
    const transactionalId = `tx-${i % 4}`
    const find = { ...FindCoordinator.request.defaults(), key: transactionalId, keyType: 1 }
    await asked(source, FindCoordinator, find, ({ errorCode }) => errorCode, 3)
    const init = { ...InitProducerId.request.defaults(), transactionalId, transactionTimeoutMs: 60_000 }
    const { producerEpoch, producerId } = await asked(source, InitProducerId, init, ({ errorCode }) => errorCode, 4)
    const add = {
      ...AddPartitionsToTxn.request.defaults(),
      v3AndBelowTransactionalId: transactionalId,
      v3AndBelowProducerId: producerId,
      v3AndBelowProducerEpoch: producerEpoch,
      v3AndBelowTopics: [{ name: topic, partitions: [0] }]
    }
    const added = (answer: { readonly resultsByTopicV3AndBelow: ReadonlyArray<any> }): number =>
      answer.resultsByTopicV3AndBelow[0].resultsByPartition[0].partitionErrorCode
    await asked(source, AddPartitionsToTxn, add, added, 3)
    for (let k = 0; k < 3; k++) {
      const numbered = { producerId, producerEpoch, baseSequence: k * 10, isTransactional: true, compression: k }
      await produce(source, topic, 0, batchOf(range(i * 100 + k * 10, 10), numbered), transactionalId)
      if (k === 1) await produce(source, topic, 0, batchOf([i]))
    }
    const end = { transactionalId, producerId, producerEpoch, committed: i % 3 !== 0 }
    await asked(source, EndTxn, end, ({ errorCode }) => errorCode, 3)
  }
}

/** Writes keys again and again, until the cleaner has taken what it can. */
const compacted = async (source: Cluster, topic: string): Promise<void> => {
  for (let i = 0; i < 200; i++) {
    const ids = range(0, 40).map((k) => (i * 7 + k * k) % 150)
    await produce(source, topic, 0, batchOf(ids, { compression: i % 2 === 0 ? 4 : 0 }, 800))
    if (i % 20 === 0)
      await produce(source, topic, 0, Batch.encodeBatch([{ key: Buffer.from(`key-${i}`), value: null }]))
  }
  const count = async () => {
    let records = 0
    for await (const batch of visibleBatches(source, topic, 0)) records += Batch.recordCount(batch)
    return records
  }
  let before = await count()
  for (const until = Date.now() + 90_000; Date.now() < until;) {
    await sleep(2000)
    const now = await count()
    if (now === before && now < 6000) return
    before = now
  }
  throw new Error(`the cleaner leaves ${before} records of 8,010`)
}

const fill = async (source: Cluster): Promise<void> => {
  await topicAt(source, "tx", 1)
  await transactions(source, "tx", 30)
  await topicAt(source, "late", 1)
  for (let i = 0; i < 100; i++) await produce(source, "late", 0, batchOf(range(i * 100, 100)))
  await deleteBefore(source, "late", 0, 5000n)
  await topicAt(source, "within", 1)
  for (let i = 0; i < 10; i++) await produce(source, "within", 0, batchOf(range(i * 100, 100)))
  await deleteBefore(source, "within", 0, 555n)
  await topicAt(source, "gone", 1)
  await produce(source, "gone", 0, batchOf(range(0, 77)))
  await deleteBefore(source, "gone", 0, 77n)
  await topicAt(source, "stamped", 2, { "message.timestamp.type": "LogAppendTime" })
  for (let i = 0; i < 10; i++) await produce(source, "stamped", i % 2, batchOf(range(i, 5), { compression: 2 }))
  await topicAt(source, "large", 1, { "max.message.bytes": "40000000" })
  await produce(source, "large", 0, batchOf([1, 2], {}, 15_000_000))
  await produce(source, "large", 0, batchOf([3]))
  await topicAt(source, "empty", 3)
  await topicAt(source, "compacted", 1, {
    "cleanup.policy": "compact",
    "segment.bytes": "1048576",
    "min.cleanable.dirty.ratio": "0.01"
  })
  await compacted(source, "compacted")
}

const KINDS: ReadonlyArray<readonly [topic: string, partitions: number]> = [
  ["tx", 1],
  ["late", 1],
  ["within", 1],
  ["gone", 1],
  ["stamped", 2],
  ["large", 1],
  ["empty", 3],
  ["compacted", 1]
]

export const ofAllKinds = async (ending: Ending, report: Report): Promise<void> => {
  const settings = { "log.cleaner.backoff.ms": "200", "message.max.bytes": "40000000" }
  const kafka = await ending.stopping(startApacheKafka({ settings }))
  const tusk = await ending.stopping(startTusk({ storage: "embedded" }))
  const other = await ending.stopping(startTusk({ storage: "memory" }))
  const source = await clusterAt(ending, kafka.bootstrap)
  await fill(source)
  let from = source
  for (const broker of [tusk, other]) {
    const into = await clusterAt(ending, broker.bootstrap)
    const what = `${from === source ? kafka.name : "Tusk"} to Tusk`
    const importer = new Importer(from.bootstrap, into.bootstrap, "--finish")
    const code = await importer.run()
    report.check(`${what}: ends well`, code === 0, `${code}`, "0")
    if (code !== 0) console.log(importer.output)
    for (const [topic, partitions] of KINDS) {
      const { batches, differences, records } = await compare(from, into, topic, partitions)
      report.none(`${what}: differences of ${topic} (${records} records in ${batches} batches)`, differences)
    }
    from = into
  }
  const [start] = await endsOf(from, "late", 0)
  report.check("a log starts where its source does", start === 5000n, `${start}`, "5000")
  const read = await readByJava(tusk.bootstrap, "late", 5000)
  report.check("Java's consumer reads it", read.records === 5000 && read.wrong.length === 0, `${read.records}`, "5000")
}
