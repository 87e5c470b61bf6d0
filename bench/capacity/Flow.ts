import { Fetch } from "@tusk/protocol/messages/Fetch"
import { Produce } from "@tusk/protocol/messages/Produce"
import { encodeBatch } from "@tusk/protocol/record/RecordBatch"
import { randomBytes } from "node:crypto"
import { requestFrame } from "../../packages/server/test/WireClient.ts"

/** What a connection asks for over and over, and what an answer is worth. Requests are encoded once. */
export interface Flow {
  /** As many of an answer's first bytes as `take` looks at, its length's four left out. */
  readonly headBytes: number
  /** The next request, length prefix included. The same buffer each time: it is to be written before the next is asked for. */
  readonly next: () => Buffer
  /** Bytes of whole batches that this answer of `length` bytes is about; throws where it tells an error. */
  readonly take: (head: Buffer, length: number) => number
}

/** Values of 1,000 bytes: as many as the batch has KiB, so that it stays below a `batch.size` of that. */
const VALUE_BYTES = 1000

/** A batch of `kib` records that no disk or database can make smaller. */
export const batchOf = (kib: number): Uint8Array => {
  const timestamp = BigInt(Date.now())
  return encodeBatch(Array.from({ length: kib }, () => ({ timestamp, value: randomBytes(VALUE_BYTES) })))
}

const refused = (what: string, code: number): void => {
  if (code !== 0) throw new Error(`${what}: error ${code}`)
}

/**
 * Where the error code lies in an answer about one partition: after correlation id, count and name of topics, count and index of
 * partitions; Produce 3 and Fetch 4 are the oldest that every broker serves, and have all of fixed length but the name.
 */
const errorAt = (before: number, topic: string): number => before + 4 + 2 + Buffer.byteLength(topic) + 4 + 4

/** The same batch to one partition, acks=all. */
export const producing = (topic: string, partition: number, batch: Uint8Array): Flow => {
  const topicData = [{ name: topic, partitionData: [{ index: partition, records: batch }] }]
  const frame = requestFrame(Produce, 3, { acks: -1, timeoutMs: 30_000, topicData })
  const at = errorAt(4, topic)
  return {
    headBytes: at + 2,
    next: () => frame,
    take: (head) => {
      refused("Produce", head.readInt16BE(at))
      return batch.byteLength
    }
  }
}

/** What `fill` has written: each partition holds as many batches as the others, all of one size. */
export interface FilledLog {
  readonly topic: string
  readonly partitions: number
  readonly batches: number
  readonly batchBytes: number
  readonly batchRecords: number
}

/** What Java's consumers ask of a partition at most (`max.partition.fetch.bytes`). */
const PARTITION_MAX_BYTES = 1 << 20

/** Reads a log from its start, one partition after the other from `first` on, round and round. */
export const fetching = (log: FilledLog, first: number): Flow => {
  const { batchBytes, batchRecords, batches, partitions, topic } = log
  // Whole batches: none of the bytes that are sent is thrown away.
  const most = Math.max(1, Math.floor(PARTITION_MAX_BYTES / batchBytes)) * batchBytes
  const frame = requestFrame(Fetch, 4, {
    replicaId: -1,
    maxWaitMs: 500,
    minBytes: 1,
    maxBytes: 50 << 20,
    topics: [{ topic, partitions: [{ partition: first, fetchOffset: 0n, partitionMaxBytes: most }] }]
  })
  // The request ends with partition, offset and bytes.
  const [partitionAt, offsetAt] = [frame.length - 16, frame.length - 12]
  const at = errorAt(8, topic)
  // After the error code: high watermark, last stable offset, count of aborted transactions, length of the records.
  const recordsAt = at + 2 + 8 + 8 + 4 + 4
  let partition = first
  let read = 0
  return {
    headBytes: recordsAt + 8,
    next: () => {
      if (read === batches) {
        partition = (partition + 1) % partitions
        read = 0
      }
      frame.writeInt32BE(partition, partitionAt)
      frame.writeBigInt64BE(BigInt(read * batchRecords), offsetAt)
      return frame
    },
    take: (head, length) => {
      refused("Fetch", head.readInt16BE(at))
      const whole = Math.floor((length - recordsAt) / batchBytes)
      if (whole === 0) throw new Error(`Fetch: no batch in an answer of ${length} bytes`)
      const base = head.readBigInt64BE(recordsAt)
      if (base !== BigInt(read * batchRecords))
        throw new Error(`Fetch: offset ${base} instead of ${read * batchRecords}`)
      read += whole
      return whole * batchBytes
    }
  }
}
