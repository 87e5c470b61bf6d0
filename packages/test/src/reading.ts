import { isKafkaError } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { PartitionRead } from "@tusk/storage/log/Log"
import { AbortedBatches } from "@tusk/storage/log/partitions/AbortedBatches"
import type { Topic } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import type { Inside } from "./Inside.ts"
import { KafkaRecord } from "./KafkaRecord.ts"
import { knownTopic } from "./producing.ts"
import { checkCount, checkKeys, checkOneOf } from "./refused.ts"

type Services = Inside["Service"]

/** What is read of a topic; everything if nothing is said. */
export interface ReadOptions {
  /** One partition alone. */
  readonly partition?: number
  /** The first offset, of each partition that is read. */
  readonly from?: bigint | number
  /** "read_uncommitted" if nothing is said, as with Kafka's consumers. */
  readonly isolation?: "read_uncommitted" | "read_committed"
}

/** What is waited for. */
export interface AwaitOptions extends ReadOptions {
  /** 5,000 if nothing is said; of real time, whatever the broker's clock is. */
  readonly timeoutMs?: number
}

const READ = ["partition", "from", "isolation"]
/** Of one step. */
const MAX_BYTES = 8 << 20
/** A batch that becomes more is refused. */
const LIMITS = { maxDecompressedBytes: 1 << 30 }

/** Throws what is wrong with the options. */
const checked = (where: string, options: ReadOptions, known: ReadonlyArray<string>): void => {
  checkKeys(where, options, known)
  checkCount(`${where}.partition`, options.partition, 0)
  if (typeof options.from !== "bigint") checkCount(`${where}.from`, options.from, 0)
  if (options.isolation !== undefined) {
    checkOneOf(`${where}.isolation`, options.isolation, ["read_uncommitted", "read_committed"])
  }
}

interface Partition {
  readonly index: number
  readonly partitionId: number
  readonly records: Array<KafkaRecord>
  next: bigint
  last: PartitionRead | undefined
}

/** Reads partitions of a topic on from where it has come to. */
class TopicReader {
  readonly topic: Topic
  readonly #services: Services
  readonly #bound: PartitionRead["bound"]
  readonly #partitions: ReadonlyArray<Partition>

  constructor(services: Services, topic: Topic, { from = 0n, isolation, partition }: ReadOptions) {
    this.topic = topic
    this.#services = services
    this.#bound = isolation === "read_committed" ? "LastStableOffset" : "HighWatermark"
    this.#partitions = topic.partitionIds
      .map((partitionId, index) => ({ index, partitionId, records: [], next: BigInt(from), last: undefined }))
      .filter(({ index }) => partition === undefined || index === partition)
  }

  /** In order of partitions and offsets. */
  get records(): Array<KafkaRecord> {
    return this.#partitions.flatMap(({ records }) => records)
  }

  /** Reads what is there now. */
  get advance(): Effect.Effect<void, KafkaError> {
    return Effect.forEach(this.#partitions, (partition) => this.#read(partition), { discard: true })
  }

  /** Returns when there may be more, or the topic is not what it was. */
  get grown(): Effect.Effect<void> {
    return this.#services.log.awaitBytes(
      this.#partitions.flatMap(({ last }) => (last === undefined ? [] : [last])),
      1
    )
  }

  readonly #read = Effect.fnUntraced({ self: this }, function* (partition: Partition) {
    const { log } = this.#services
    const { partitionId } = partition
    const [ends] = yield* log.ends([partitionId])
    if (isKafkaError(ends!)) return yield* ends
    if (ends!.logStartOffset > partition.next) partition.next = ends!.logStartOffset
    if (partition.next > ends!.highWatermark) partition.next = ends!.highWatermark
    while (true) {
      const asked = { partitionId, from: partition.next, maxBytes: MAX_BYTES }
      const [read] = yield* log.read([asked], { bound: this.#bound, maxBytes: MAX_BYTES, atLeastOne: true })
      if (isKafkaError(read!)) return yield* read
      partition.last = read!
      if (read!.batches.length === 0) return
      yield* this.#take(partition, read!)
    }
  })

  readonly #take = Effect.fnUntraced({ self: this }, function* (partition: Partition, read: PartitionRead) {
    const aborted = new AbortedBatches(read.aborted)
    for (const batch of read.batches) {
      const first = partition.next
      partition.next = RecordBatch.lastOffset(batch) + 1n
      if (RecordBatch.isControl(batch) || aborted.has(batch)) continue
      const records = RecordBatch.decodeRecords(batch, LIMITS)
      if (isKafkaError(records)) return yield* records
      for (const record of records) {
        if (record.offset >= first) partition.records.push(new KafkaRecord(this.topic.name, partition.index, record))
      }
    }
  })
}

const opened = (services: Services, topic: Topic, options: ReadOptions): Effect.Effect<TopicReader, RangeError> => {
  const { length } = topic.partitionIds
  const { partition } = options
  return partition === undefined || partition < length
    ? Effect.succeed(new TopicReader(services, topic, options))
    : Effect.fail(new RangeError(`partition ${partition} of ${topic.name}: it has ${length}`))
}

/** All that is there. */
export const readRecords = Effect.fnUntraced(function* (services: Services, name: string, options: ReadOptions) {
  checked("records", options, READ)
  const reader = yield* opened(services, yield* knownTopic(services, name), options)
  yield* reader.advance
  return reader.records
})

/** All that is there once it is as much as is waited for. */
export const awaitRecords = (services: Services, name: string, count: number, options: AwaitOptions) => {
  checked("awaitRecords", options, [...READ, "timeoutMs"])
  checkCount("awaitRecords.timeoutMs", options.timeoutMs, 1)
  const { topics } = services
  const { timeoutMs = 5000 } = options
  let seen = 0
  const enough: Effect.Effect<Array<KafkaRecord>, KafkaError | RangeError> = Effect.gen(function* () {
    let reader: TopicReader | undefined
    while (true) {
      yield* topics.until(() => topics.byName(name) !== undefined)
      const topic = topics.byName(name)!
      if (reader?.topic !== topic) reader = yield* opened(services, topic, options)
      yield* reader.advance
      const { records } = reader
      seen = records.length
      if (seen >= count) return records
      yield* reader.grown
    }
  })
  // What is deleted or made anew on the way is looked at as it is then.
  const again: typeof enough = Effect.catch(enough, (error) =>
    isKafkaError(error) && error._tag === "UnknownTopicOrPartition" ? again : Effect.fail(error)
  )
  return Effect.timeoutOrElse(again, {
    duration: timeoutMs,
    orElse: () =>
      Effect.fail(
        new Error(
          topics.byName(name) === undefined
            ? `there was no topic ${JSON.stringify(name)} for ${timeoutMs} ms`
            : `${name} has ${seen} of ${count} records after ${timeoutMs} ms`
        )
      )
  })
}
