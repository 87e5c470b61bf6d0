import { Fetch } from "@tusk/protocol/messages/Fetch"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { isKafkaError } from "@tusk/protocol/KafkaError"
import { batchesOf } from "../../bench/Fetched.ts"
import { sleep } from "../../bench/groups/Report.ts"
import { withWire } from "../../bench/groups/Target.ts"
import { Closed } from "../../bench/groups/Wire.ts"
import type { Wire } from "../../bench/groups/Wire.ts"

export interface CommittedRecord {
  readonly topic: string
  readonly partition: number
  readonly timestamp: number
  readonly key: string
  readonly value: string
}

interface Place {
  readonly topic: string
  readonly partition: number
  offset: bigint
}

type Answered = Awaited<ReturnType<typeof answerOf>>

const MAX_BYTES = 1 << 22
const COMMIT = 1

/** LEADER_NOT_AVAILABLE, NOT_LEADER_OR_FOLLOWER: Apache Kafka says so for a while after its start. */
const NOT_LED = new Set([5, 6])

/** A partition cannot be read. */
class Refused extends Error {
  readonly code: number

  constructor(code: number) {
    super(`Fetch: error ${code}`)
    this.code = code
  }
}

const answerOf = (wire: Wire, places: ReadonlyArray<Place>, maxWaitMs: number) =>
  wire.call(Fetch, 12, {
    ...{ replicaId: -1, maxWaitMs, minBytes: 1, maxBytes: MAX_BYTES, sessionEpoch: -1, isolationLevel: 1 },
    topics: Array.from(
      Map.groupBy(places, ({ topic }) => topic),
      ([topic, parts]) => ({
        topic,
        partitions: parts.map(({ offset, partition }) => ({
          ...{ partition, fetchOffset: offset, partitionMaxBytes: MAX_BYTES }
        }))
      })
    )
  })

const textOf = (bytes: Uint8Array | null): string => (bytes === null ? "" : Buffer.from(bytes).toString())

/** Reads partitions from their start as a read_committed consumer does; over a new connection it goes on where it was. */
export class CommittedReader {
  readonly #places: ReadonlyArray<Place>
  /** Transactions that committed, and that aborted, by producer and epoch: Kafka 4 raises the epoch with each. */
  readonly committed = new Set<string>()
  readonly aborted = new Set<string>()
  /** Whether the last answer reached the last stable offset of every partition. */
  #isAtEnd = false

  constructor(topics: ReadonlyMap<string, number>) {
    this.#places = Array.from(topics).flatMap(([topic, partitions]) =>
      Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: 0n }))
    )
  }

  /** What comes next, in order within each partition; nothing where nothing comes within `maxWaitMs`. */
  async next(wire: Wire, maxWaitMs = 0): Promise<ReadonlyArray<CommittedRecord>> {
    const { responses } = await answerOf(wire, this.#places, maxWaitMs)
    const parts = responses.flatMap(({ partitions, topic }) => partitions.map((part) => ({ topic, ...part })))
    const refused = parts.find(({ errorCode }) => errorCode !== 0)
    if (refused !== undefined) throw new Refused(refused.errorCode)
    const records: Array<CommittedRecord> = []
    let atEnd = true
    for (const part of parts) {
      const place = this.#places.find((one) => one.topic === part.topic && one.partition === part.partitionIndex)!
      this.#take(place, part, records)
      if (place.offset < part.lastStableOffset) atEnd = false
    }
    this.#isAtEnd = atEnd
    return records
  }

  /** All there is, up to the last stable offsets of now. */
  async rest(wire: Wire): Promise<ReadonlyArray<CommittedRecord>> {
    const records: Array<CommittedRecord> = []
    do for (const record of await this.next(wire)) records.push(record)
    while (!this.#isAtEnd)
    return records
  }

  /** Hands over what comes, until it is over; the connection is made anew after each kill of the broker. */
  async follow(bootstrap: string, take: (record: CommittedRecord) => void, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await withWire(bootstrap, async (wire) => {
        while (!isOver()) for (const record of await this.next(wire, 200)) take(record)
      }).catch(async (error: unknown) => {
        const isAway = error instanceof Closed || (error instanceof Refused && NOT_LED.has(error.code))
        if (!isAway) throw error
        await sleep(100)
      })
    }
  }

  #take(place: Place, part: Answered["responses"][number]["partitions"][number], into: Array<CommittedRecord>): void {
    const aborted = (part.abortedTransactions ?? []).toSorted((a, b) => Number(a.firstOffset - b.firstOffset))
    const open = new Set<bigint>()
    for (const batch of batchesOf(part.records)) {
      const [producerId, last] = [RecordBatch.producerId(batch), RecordBatch.lastOffset(batch)]
      while (aborted.length > 0 && aborted[0]!.firstOffset <= last) open.add(aborted.shift()!.producerId)
      place.offset = last + 1n
      if (RecordBatch.isControl(batch)) {
        open.delete(producerId)
        this.#hear(batch)
      } else if (!(RecordBatch.isTransactional(batch) && open.has(producerId))) {
        for (const { key, timestamp, value } of decoded(batch)) {
          const { partition, topic } = place
          into.push({ topic, partition, timestamp: Number(timestamp), key: textOf(key), value: textOf(value) })
        }
      }
    }
  }

  #hear(marker: Uint8Array): void {
    const key = decoded(marker)[0]!.key!
    const transactions = Buffer.from(key).readInt16BE(2) === COMMIT ? this.committed : this.aborted
    transactions.add(`${RecordBatch.producerId(marker)}:${RecordBatch.producerEpoch(marker)}`)
  }
}

const decoded = (batch: Uint8Array) => {
  const records = RecordBatch.decodeRecords(batch, { maxDecompressedBytes: 1 << 24 })
  if (isKafkaError(records)) throw new Error(`a batch that cannot be read: ${records._tag}`)
  return records
}
